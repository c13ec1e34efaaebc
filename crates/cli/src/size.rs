//! Sizes of memory in words: `4GiB` in, `4.0 GiB` out.

const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Bytes from a number with a unit, or without one.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, bytes) = unit.unwrap_or((text, 1));
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| is_number);
    number
        .and_then(|number| number.checked_mul(bytes))
        .ok_or_else(|| "expected bytes, or a whole number of KiB, MiB or GiB like 4GiB".to_owned())
}

/// Bytes rounded to a tenth of the largest unit that fits; up, so that a stated need is enough.
pub(crate) fn show(bytes: u64) -> String {
    let unit = UNITS.iter().rev().find(|(_, size)| bytes >= *size);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, size)| {
            let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(*size));
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::{parse, show};

    #[test]
    fn sizes_are_read_and_others_refused() {
        let read = ["0", "123", "1KiB", "512MiB", "4GiB"].map(parse);
        assert_eq!(read, [Ok(0), Ok(123), Ok(1 << 10), Ok(512 << 20), Ok(4 << 30)]);
        for text in
            ["", "GiB", "+1", "-1", "1.5GiB", "4 GiB", "4gib", "4G", "99999999999GiB", "18446744073709551616"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_rounded_up() {
        assert_eq!(show(1023), "1023 bytes");
        assert_eq!(show((1 << 30) + 1), "1.1 GiB");
        assert_eq!(show(u64::MAX), "17179869184.0 GiB");
    }
}
