//! Counts and sorts the lines of a text: many small allocations, a tree map and a sort.
//!
//! Input: any bytes; lines end with a newline or with the input. Output: a line per distinct line, "count, space,
//! line, newline", by descending count, then by ascending bytes.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::cmp::Reverse;

use vellum_guest_rt::{commit, entry, input};

entry!(main);

fn main() {
    let text = input();
    let lines: Vec<Vec<u8>> =
        text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n').map(Vec::from).collect();
    let mut counts = BTreeMap::<Vec<u8>, u64>::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    let mut sorted: Vec<(Vec<u8>, u64)> = counts.into_iter().collect();
    sorted.sort_by(|(a, a_count), (b, b_count)| (Reverse(a_count), a).cmp(&(Reverse(b_count), b)));
    let mut output = Vec::new();
    for (line, count) in sorted {
        output.extend_from_slice(count.to_string().as_bytes());
        output.push(b' ');
        output.extend_from_slice(&line);
        output.push(b'\n');
    }
    commit(&output);
}
