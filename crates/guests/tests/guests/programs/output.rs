//! Many commits, empty ones among them, marks, a print and an exit with a status of its own.
#![no_std]
#![no_main]

use vellum_guest_rt::{commit, entry, exit, input, mark, print, println};

entry!(main);

fn main() {
    print!("{} bytes", input().len());
    println!();
    commit(b"");
    let (mut rest, mut size) = (input(), 0);
    while !rest.is_empty() {
        mark(rest.len() as u64);
        let (head, tail) = rest.split_at(size.min(rest.len()));
        commit(head);
        rest = tail;
        size = (5 * size + 3) % 151;
    }
    exit(u64::MAX);
}
