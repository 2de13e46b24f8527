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
