//! A panic is a bug of ours; what reaches the user is one line and exit code 3.

use std::panic;

use crate::exit::Failure;
use crate::interrupt;

/// From now on a panic in any thread ends the process so.
pub(crate) fn report_in_one_line() {
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic");
        let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        interrupt::stop(Failure::internal(format_args!(
            "internal error: {text}{}",
            place.unwrap_or_default()
        )));
    }));
}
