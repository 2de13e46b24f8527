//! Tables of detectors, turned on their side when the crate is compiled.

/// Each text of field `$field` of the rows of table `$rows`, beside the number of its row.
macro_rules! flat {
    ($rows:ident . $field:ident) => {{
        const COUNT: usize = {
            let (mut row, mut sum) = (0, 0);
            while row < $rows.len() {
                sum += $rows[row].$field.len();
                row += 1;
            }
            sum
        };
        const ALL: [(&str, u8); COUNT] = {
            assert!($rows.len() <= 256, "a row's number is one byte");
            let mut all = [("", 0); COUNT];
            let (mut row, mut len) = (0, 0);
            while row < $rows.len() {
                let mut at = 0;
                while at < $rows[row].$field.len() {
                    all[len] = ($rows[row].$field[at], row as u8);
                    len += 1;
                    at += 1;
                }
                row += 1;
            }
            all
        };
        &ALL
    }};
}

pub(super) use flat;

/// The first eight bytes of a text, and which of them there are.
#[derive(Clone, Copy)]
pub(super) struct Eight {
    bytes: u64,
    mask: u64,
}

impl Eight {
    /// Of the empty text.
    pub(super) const ANY: Self = Self { bytes: 0, mask: 0 };

    pub(super) const fn of(text: &[u8]) -> Self {
        let mut head = Self::ANY;
        let mut at = 0;
        while at < 8 && at < text.len() {
            head.bytes |= (text[at] as u64) << (8 * at);
            head.mask |= 0xff << (8 * at);
            at += 1;
        }
        head
    }

    /// Whether a text whose first eight bytes are `head` may begin with this one.
    #[inline]
    pub(super) const fn begins(self, head: u64) -> bool {
        (head ^ self.bytes) & self.mask == 0
    }

    /// The same with capitals and small letters taken for one, and a few signs for others.
    #[inline]
    pub(super) const fn begins_folded(self, head: u64) -> bool {
        (head ^ self.bytes) & self.mask & 0xdfdf_dfdf_dfdf_dfdf == 0
    }
}

/// The first eight bytes of `text`, NUL where there are none.
#[inline]
pub(super) fn eight(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(&head) => u64::from_le_bytes(head),
        None => text.iter().rev().fold(0, |head, &byte| head << 8 | u64::from(byte)),
    }
}
