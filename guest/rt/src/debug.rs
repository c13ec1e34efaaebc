//! Debug print: free text for whoever runs the program, not part of the output and not proven.

use core::fmt;

use crate::call;

/// A file descriptor of the host that shows text: 1 or 2.
pub struct Console(pub u64);

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        call::write(self.0, text.as_bytes());
        Ok(())
    }
}

/// Prints to the host's standard output. Costs the cycles of formatting.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => {{
        let _ = ::core::fmt::Write::write_fmt(&mut $crate::Console(1), ::core::format_args!($($argument)*));
    }};
}

/// [`print!`] and a new line.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($argument:tt)*) => { $crate::print!("{}\n", ::core::format_args!($($argument)*)) };
}

/// [`println!`] to the host's standard error.
#[macro_export]
macro_rules! eprintln {
    ($($argument:tt)*) => {{
        let _ = ::core::fmt::Write::write_fmt(
            &mut $crate::Console(2),
            ::core::format_args!("{}\n", ::core::format_args!($($argument)*)),
        );
    }};
}
