//! The guest programs run as their heads say, and so does a project of one's own.

mod batch;
mod block;
mod bundled;
mod harness;
mod hints;
mod project;
mod software;
