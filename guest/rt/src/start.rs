//! From the machine's first instruction to the program's `main`, and from a panic to the exit.

use core::arch::global_asm;
use core::panic::PanicInfo;

use vellum_isa::map::STACK_TOP;

use crate::{heap, output};

// The machine starts with every register zero. `gp` must be set without using `gp`, hence norelax.
global_asm!(
    ".section .text._start, \"ax\", @progbits",
    ".globl _start",
    ".type _start, @function",
    "_start:",
    ".option push",
    ".option norelax",
    "la gp, __global_pointer$",
    ".option pop",
    "li sp, {stack_top}",
    "call {run}",
    ".size _start, . - _start",
    stack_top = const STACK_TOP,
    run = sym run,
);

unsafe extern "Rust" {
    /// What [`entry!`](crate::entry) defines.
    safe fn vellum_guest_main();
}

extern "C" fn run() -> ! {
    heap::init();
    vellum_guest_main();
    output::exit(0)
}

/// Names the program's `main`: a function without arguments or result.
///
/// When it returns, the program exits with status 0.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn vellum_guest_main() {
            const MAIN: fn() = $main;
            MAIN()
        }
    };
}

/// A panic is an honest end with status 1. What was committed before stays the output, as at any exit.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    crate::eprintln!("{info}");
    output::exit(1)
}
