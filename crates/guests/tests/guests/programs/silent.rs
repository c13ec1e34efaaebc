//! Commits nothing but an empty slice, so there is no output.
#![no_std]
#![no_main]

vellum_guest_rt::entry!(main);

fn main() {
    vellum_guest_rt::commit(&[]);
}
