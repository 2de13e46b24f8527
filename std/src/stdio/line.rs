//! Lines of bounded length.
//!
//! A line above the limit is never held in memory: it is outlined while it is discarded, so that whoever
//! waits for an answer to it can be told. Each byte is looked at once.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use airlock_core::mcp::Outline;

/// What is read at once, and what the buffer shrinks to.
const CHUNK: usize = 64 << 10;

/// How long to wait for a pipe that another program has set not to block.
pub(super) const PAUSE: Duration = Duration::from_millis(1);

/// A line of input.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// Without its line feed. The last one may have had none.
    Whole(&'a [u8]),
    /// It was longer than the limit.
    TooLong(Outline),
}

/// Reads lines of at most `limit` bytes from a source.
#[derive(Debug)]
pub(super) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// What is read and not yet returned.
    start: usize,
    end: usize,
    limit: usize,
}

impl<R: Read> Lines<R> {
    pub(super) const fn new(source: R, limit: usize) -> Self {
        Self { source, buffer: Vec::new(), start: 0, end: 0, limit }
    }

    /// The next line; none at the end of the input.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        // Bytes after `start` that hold no line feed.
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(self.start + searched..self.end).unwrap_or(&[]);
            if let Some(at) = memchr::memchr(b'\n', rest) {
                let (start, end) = (self.start, self.start + searched + at);
                self.start = end + 1;
                return Ok(Some(self.line(start, end)));
            }
            searched = self.end - self.start;
            if searched > self.limit {
                return self.discard().map(Some);
            }
            if self.fill()? == 0 {
                let (start, end) = (self.start, self.end);
                self.start = end;
                return Ok((start < end).then(|| self.line(start, end)));
            }
        }
    }

    fn line(&self, start: usize, end: usize) -> Line<'_> {
        let line = self.buffer.get(start..end).unwrap_or(&[]);
        if line.len() <= self.limit {
            return Line::Whole(line);
        }
        let mut outline = Outline::new();
        outline.feed(line);
        Line::TooLong(outline)
    }

    /// Outlines the rest of the line without keeping it.
    fn discard(&mut self) -> io::Result<Line<'_>> {
        let mut outline = Outline::new();
        loop {
            let rest = self.buffer.get(self.start..self.end).unwrap_or(&[]);
            if let Some(at) = memchr::memchr(b'\n', rest) {
                outline.feed(rest.get(..at).unwrap_or(&[]));
                self.start += at + 1;
                return Ok(Line::TooLong(outline));
            }
            outline.feed(rest);
            self.start = self.end;
            if self.fill()? == 0 {
                return Ok(Line::TooLong(outline));
            }
        }
    }

    /// Reads on; zero at the end of the input.
    fn fill(&mut self) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > CHUNK {
                self.buffer.truncate(CHUNK);
                self.buffer.shrink_to_fit();
            }
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            if self.end == self.buffer.len() {
                // Doubling, so that a long line is copied a bounded number of times.
                self.buffer.resize((self.end * 2).max(CHUNK), 0);
            }
        }
        let free = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
        loop {
            match self.source.read(free) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out the bytes `step` at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = self.0.len().min(self.1).min(out.len());
            let (now, later) = self.0.split_at(len);
            out[..len].copy_from_slice(now);
            self.0 = later;
            Ok(len)
        }
    }

    fn lines(bytes: &[u8], step: usize, limit: usize) -> Vec<String> {
        let mut lines = Lines::new(Slow(bytes, step), limit);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(match line {
                Line::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
                Line::TooLong(outline) => {
                    format!("too long: {:?}", outline.id().map(String::from_utf8_lossy))
                }
            });
        }
        all
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let long = format!("{{\"x\":\"{}\",\"id\":7}}", "y".repeat(200_000));
        let text = format!("a\r\n\nbb\n{long}\nc\n{}\n{}\nlast", "d".repeat(20), "e".repeat(21));
        let expected = vec![
            "a\r".into(),
            String::new(),
            "bb".into(),
            "too long: Some(\"7\")".into(),
            "c".into(),
            "d".repeat(20),
            "too long: None".into(),
            "last".into(),
        ];
        for step in [1, 7, 64, 1 << 20] {
            assert_eq!(lines(text.as_bytes(), step, 20), expected, "{step}");
        }
        assert_eq!(lines(long.as_bytes(), 4096, 20), ["too long: Some(\"7\")"]);
        assert_eq!(lines(long.as_bytes(), 4096, long.len()), std::slice::from_ref(&long));
        assert!(lines(b"", 1, 20).is_empty());
    }

    #[test]
    fn memory_is_given_back() {
        let text = [&[b'x'; 1 << 20][..], b"\na\n"].concat();
        let mut lines = Lines::new(Slow(&text, usize::MAX), 10 << 20);
        while lines.next().unwrap().is_some() {}
        assert!(lines.buffer.capacity() <= CHUNK);
    }
}
