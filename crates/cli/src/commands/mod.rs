//! One command, one file.

mod attest;
mod block;
mod bridge;
mod config;
mod demo;
mod deploy;
mod devnet;
mod execute;
mod new;
mod node;
mod params;
mod profile;
mod programs;
mod prove;
mod reconstruct;
mod setup;
mod verify;

use clap::Subcommand;

use crate::exit::Failure;
use crate::output::Report;

/// What the user asks for.
#[derive(Subcommand)]
pub(crate) enum Command {
    Execute(execute::Execute),
    Setup(setup::Setup),
    Prove(prove::Prove),
    Verify(verify::Verify),
    Profile(profile::Profile),
    Params(params::Params),
    Programs(programs::Programs),
    New(new::New),
    Demo(demo::Demo),
    Block(block::Block),
    Devnet(devnet::Devnet),
    Node(node::Node),
    Deploy(deploy::Deploy),
    Bridge(bridge::Bridge),
    Attest(attest::Attest),
    Reconstruct(reconstruct::Reconstruct),
    Config(config::Config),
}

impl Command {
    /// Runs it; `json` is how it reports.
    pub(crate) fn run(&self, json: bool) -> Result<Box<dyn Report>, Failure> {
        Ok(match self {
            Self::Execute(command) => Box::new(command.run()?),
            Self::Setup(command) => Box::new(command.run()?),
            Self::Prove(command) => Box::new(command.run()?),
            Self::Verify(command) => Box::new(command.run()?),
            Self::Profile(command) => Box::new(command.run()?),
            Self::Params(command) => Box::new(command.run()?),
            Self::Programs(command) => Box::new(command.run()?),
            Self::New(command) => Box::new(command.run()?),
            Self::Demo(command) => Box::new(command.run()?),
            Self::Block(command) => return command.run(),
            Self::Devnet(command) => return command.run(json),
            Self::Node(command) => return command.run(json),
            Self::Deploy(command) => Box::new(command.run()?),
            Self::Bridge(command) => return command.run(),
            Self::Attest(command) => return command.run(json),
            Self::Reconstruct(command) => Box::new(command.run()?),
            Self::Config(command) => Box::new(command.run()?),
        })
    }
}
