//! The zstd frame of a payload: bounds first, then decoding.
//!
//! A small frame can cost a decoder very much, so the frame is walked before it is decoded: one frame, no dictionary,
//! no checksum, its content's size announced and within the limit, as is the window; not more than 64 compressed
//! blocks, because each can build tables anew, and not more than 256 of the others. The walk uses the format's
//! description (RFC 8878, section 3.1.1) and not the decoder's.

use alloc::{vec, vec::Vec};
use ruzstd::decoding::FrameDecoder;

use super::CodecError;

/// Most compressed blocks in a frame.
pub(crate) const MAX_COMPRESSED_BLOCKS: usize = 64;
/// Most raw and run-length blocks in a frame.
const MAX_OTHER_BLOCKS: usize = 256;

const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Decompresses the frame, which must be all of `frame`, into at most `limit` bytes.
pub(crate) fn decompress(frame: &[u8], limit: usize) -> Result<Vec<u8>, CodecError> {
    let length = content_length(frame, limit).map_err(CodecError::Frame)?;
    let mut content = vec![0; length];
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(limit as u64);
    match decoder.decode_all(frame, &mut content) {
        Ok(written) if written == length => Ok(content),
        _ => Err(CodecError::MalformedFrame),
    }
}

/// Checks the bounds; returns the announced length of the content.
fn content_length(frame: &[u8], limit: usize) -> Result<usize, &'static str> {
    let (header, length) = header(frame, limit)?;
    let mut rest = &frame[header..];
    let (mut compressed, mut others) = (0, 0);
    loop {
        let (start, after) = rest.split_at_checked(3).ok_or("a block is cut off")?;
        let word = u32::from_le_bytes([start[0], start[1], start[2], 0]);
        let (last, kind, size) = (word & 1 != 0, word >> 1 & 3, (word >> 3) as usize);
        let stored = match kind {
            0 => size,
            1 => 1,
            2 => size,
            _ => return Err("a block of a reserved type"),
        };
        if kind == 2 {
            compressed += 1;
        } else {
            others += 1;
        }
        if compressed > MAX_COMPRESSED_BLOCKS || others > MAX_OTHER_BLOCKS {
            return Err("too many blocks");
        }
        rest = after.get(stored..).ok_or("a block is cut off")?;
        if last {
            return if rest.is_empty() { Ok(length) } else { Err("bytes after the last block") };
        }
    }
}

/// Length of the frame's header and the announced length of its content.
fn header(frame: &[u8], limit: usize) -> Result<(usize, usize), &'static str> {
    let cut = "the header is cut off";
    let rest = frame.strip_prefix(&MAGIC).ok_or("not a zstd frame")?;
    let (&descriptor, rest) = rest.split_first().ok_or(cut)?;
    if descriptor & 0x08 != 0 {
        return Err("a reserved bit is set");
    }
    if descriptor & 0x04 != 0 {
        return Err("checksum");
    }
    if descriptor & 0x03 != 0 {
        return Err("dictionary");
    }
    let single_segment = descriptor & 0x20 != 0;
    let window = usize::from(!single_segment);
    let digits = match descriptor >> 6 {
        0 if single_segment => 1,
        0 => return Err("the content's length is not announced"),
        flag => 1 << flag,
    };
    let number = rest.get(window..window + digits).ok_or(cut)?;
    let number = number.iter().rev().fold(0u64, |sum, &digit| sum << 8 | u64::from(digit));
    let length = if digits == 2 { number + 256 } else { number };
    if length > limit as u64 {
        return Err("the content is longer than allowed");
    }
    if !single_segment && window_size(rest[0]) > limit as u64 {
        return Err("the window is larger than allowed");
    }
    Ok((MAGIC.len() + 1 + window + digits, length as usize))
}

/// The size that a window descriptor stands for.
const fn window_size(descriptor: u8) -> u64 {
    let base = 1 << (10 + (descriptor >> 3));
    base + base / 8 * (descriptor & 7) as u64
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// A frame without window, of `length` bytes announced, and these blocks: kind, size, stored bytes.
    fn frame(length: u32, blocks: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut frame = MAGIC.to_vec();
        frame.push(0xa0);
        frame.extend(length.to_le_bytes());
        for (index, (kind, size, stored)) in blocks.iter().enumerate() {
            let last = u32::from(index + 1 == blocks.len());
            frame.extend(&(last | kind << 1 | size << 3).to_le_bytes()[..3]);
            frame.extend(*stored);
        }
        frame
    }

    fn bound(frame: &[u8]) -> &'static str {
        match decompress(frame, 1 << 20) {
            Err(CodecError::Frame(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn plain_blocks_are_decoded() {
        let runs = frame(7, &[(0, 3, b"abc"), (1, 4, b"x")]);
        assert_eq!(decompress(&runs, 1 << 20), Ok(b"abcxxxx".to_vec()));
        assert_eq!(decompress(&runs, 6), Err(CodecError::Frame("the content is longer than allowed")));
        assert_eq!(
            decompress(&frame(8, &[(0, 3, b"abc"), (1, 4, b"x")]), 9),
            Err(CodecError::MalformedFrame)
        );
        assert_eq!(
            decompress(&frame(6, &[(0, 3, b"abc"), (1, 4, b"x")]), 9),
            Err(CodecError::MalformedFrame)
        );
        assert_eq!(decompress(&frame(0, &[(0, 0, b"")]), 9), Ok(Vec::new()));
    }

    #[test]
    fn every_bound_is_named() {
        assert_eq!(bound(b""), "not a zstd frame");
        assert_eq!(bound(&MAGIC), "the header is cut off");
        let descriptor = |byte: u8| bound(&[&MAGIC[..], &[byte, 0, 0, 0, 0, 0]].concat());
        assert_eq!(descriptor(0x28), "a reserved bit is set");
        assert_eq!(descriptor(0x24), "checksum");
        assert_eq!(descriptor(0x21), "dictionary");
        assert_eq!(descriptor(0x00), "the content's length is not announced");
        let window = |byte: u8| bound(&[&MAGIC[..], &[0x40, byte, 0, 0, 1, 0, 0]].concat());
        assert_eq!(window(11 << 3), "the window is larger than allowed");
        assert_eq!(window(10 << 3 | 1), "the window is larger than allowed");
        assert_eq!(window(0xff), "the window is larger than allowed");
        let good = frame(3, &[(0, 3, b"abc")]);
        assert_eq!(bound(&[&good[..], b"x"].concat()), "bytes after the last block");
        assert_eq!(bound(&[&good[..], &good[..]].concat()), "bytes after the last block");
        assert_eq!(bound(&good[..good.len() - 1]), "a block is cut off");
        assert_eq!(bound(&frame(3, &[(3, 3, b"abc")])), "a block of a reserved type");
        assert_eq!(bound(&frame(1 << 20 | 1, &[(0, 3, b"abc")])), "the content is longer than allowed");
        let empty: (u32, u32, &[u8]) = (0, 0, b"");
        assert_eq!(bound(&frame(0, &[empty; 257])), "too many blocks");
        let compressed: (u32, u32, &[u8]) = (2, 2, &[0, 0]);
        assert_eq!(bound(&frame(0, &[compressed; 65])), "too many blocks");
        assert_eq!(decompress(&frame(0, &[compressed; 64]), 1 << 20), Ok(Vec::new()));
    }
}
