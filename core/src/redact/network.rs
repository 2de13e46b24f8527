//! Addresses: mail, telephones in international form, machines, bank accounts, coins, URL authorities.
//!
//! Each function looks at one place of the text and answers with a range; all look at a bounded number
//! of bytes around it.

use super::bytes::{
    ALNUM, DIGITS, Set, URL64, before, byte, moved, run, run_back, slice, starts_folded,
    trimmed_end,
};
use super::checksum::{base58check, mod97, segwit};
use super::value::{ELLIPSIS, is_joined_left, is_joined_right, is_mask_right, is_masked_left};

/// Longest local part and domain (RFC 5321 section 4.5.3.1).
const LOCAL: usize = 64;
const DOMAIN: usize = 255;

/// The mail address around the `@` at `at`: RFC 5321 dot-atoms, a top-level domain of letters.
pub(super) fn email(text: &[u8], at: usize) -> Option<(usize, usize)> {
    const ATOM: Set = Set::new(b"0-9A-Za-z._%+-");
    const HOST: Set = Set::new(b"0-9A-Za-z.-");
    // Brackets are those of masks.
    const PATH: Set = Set::new(b"0-9A-Za-z/_.~[]-");
    let first = byte(text, at + 1);
    if !ATOM.has(before(text, at))
        || !(ALNUM.has(first) || first >= 0x80)
        || is_masked_left(text, at)
    {
        return None;
    }
    let rest = slice(text, at + 1, at + 1 + DOMAIN);
    // No label is empty or begins with a hyphen.
    let ends = |i: usize, b: u8| {
        !HOST.has(b) && b < 0x80 || b == b'.' && matches!(byte(rest, i + 1), b'.' | b'-')
    };
    let len = rest.iter().enumerate().take_while(|&(i, &b)| !ends(i, b)).count();
    let domain = rest.get(..len)?;
    let whole = domain.iter().rev().skip_while(|&&b| matches!(b, b'.' | b'-')).count();
    // It goes on in what a mask stands for.
    if whole < len && is_mask_right(text, at + 1 + len) {
        return None;
    }
    let domain = domain.get(..whole)?;
    let dot = domain.iter().rposition(|&b| b == b'.')?;
    // Letters beyond ASCII (RFC 6531) are in domains only: in running text a local part would
    // swallow the words before it.
    let mut start = run_back(text, at, ATOM, LOCAL);
    while matches!(byte(text, start), b'.' | b'-' | b'%') {
        start += 1;
    }
    // The letter of an escape such as `\n` is no part of the address.
    if before(text, start) == b'\\' && matches!(byte(text, start), b'n' | b'r' | b't') {
        start += 1;
    }
    let top = domain.get(dot + 1..)?;
    let letters = top.iter().take_while(|b| b.is_ascii_alphabetic() || **b >= 0x80).count();
    // What follows the letters of the top level with a hyphen is no part of it, unless it is `xn--`.
    let coded = top.starts_with(b"xn--");
    let cut = is_joined_right(text, at + 1 + dot + 1 + letters);
    let named = coded || letters >= 2 && !cut;
    let kept = if coded { whole } else { dot + 1 + letters };
    // `icon@2x.png` is a file, `git@host:path` a repository, `a@b.T(x)` code.
    let density = DIGITS.has(byte(domain, 0))
        && domain.iter().skip_while(|b| b.is_ascii_digit()).take(2).eq(b"x.");
    let end = at + 1 + kept;
    let remote = byte(text, end) == b':'
        && (slice(text, start, at) == b"git"
            || slice(text, end + 1, run(slice(text, 0, end + 64), end + 1, PATH)).contains(&b'/'));
    let code = byte(text, end) == b'(';
    // `aes256-gcm@openssh.com`: a name of an algorithm or a message (RFC 4251 section 6).
    let host = slice(text, at + 1, end);
    let method =
        (host == b"openssh.com" || host == b"libssh.org") && slice(text, start, at).contains(&b'-');
    let empty = start >= at || dot == 0;
    (named && !empty && !density && !remote && !code && !method).then_some((start, end))
}

/// The end of the telephone number in E.164 form whose `+` is at `at`: a country code that ITU-T has
/// assigned, 8 to 15 digits in all, groups parted by a space, full stop, hyphen or parentheses.
pub(super) fn e164(text: &[u8], at: usize) -> Option<usize> {
    if is_joined_left(text, at) {
        return None;
    }
    // After the country code of North America come exactly ten digits.
    let north_america = byte(text, at + 1) == b'1';
    let most = if north_america { 11 } else { 15 };
    let mut country = 0_u32;
    let (mut count, mut end, mut i, mut parted) = (0, at + 1, at + 1, 0);
    // Where the number ended before its last group: that may belong to what follows.
    let mut shorter = (0, end);
    while count < most && i < at + 32 {
        match byte(text, i) {
            digit @ b'0'..=b'9' => {
                if parted > 0 {
                    shorter = (count, end);
                }
                if count < 3 {
                    country = country * 10 + u32::from(digit - b'0');
                }
                (count, end, parted) = (count + 1, i + 1, 0);
            }
            b' ' | b'-' | b'.' | b'(' | b')' if parted < 2 && (1..12).contains(&count) => {
                parted += 1;
            }
            _ => break,
        }
        i += 1;
    }
    let cut = |end| match byte(text, end) {
        b'-' | b'.' | b':' => DIGITS.has(byte(text, end + 1)) || is_mask_right(text, end + 1),
        _ => is_joined_right(text, end),
    };
    if cut(end) {
        (count, end) = shorter;
    }
    // ITU-T E.164 list of assigned codes, by their first three digits.
    let assigned = matches!(
        country,
        100..=279 | 290..=509 | 510..=699 | 700..=799 | 810..=829 | 840..=889 | 900..=999
    );
    let long = if north_america { count == 11 } else { count >= 9 };
    // `+255959.999`: digits, one full stop, digits are a decimal fraction.
    const FRACTION: Set = Set::new(b"0-9.");
    let number = slice(text, at + 1, end);
    let stops = number.iter().filter(|&&byte| byte == b'.').count();
    if is_expanded_date(slice(text, at, at + 13)) {
        return None;
    }
    if stops == 1 && run(number, 0, FRACTION) == number.len() {
        return None;
    }
    (assigned && long && !cut(end)).then_some(end)
}

/// Whether `text` begins with a date whose year has six digits and a sign (ISO 8601 section 5.2.2.3, expanded
/// representations): `+262142-12-31`.
fn is_expanded_date(text: &[u8]) -> bool {
    let digits = |from: usize, to: usize| slice(text, from, to).iter().all(|&b| DIGITS.has(b));
    let &[_, _, _, _, _, _, _, b'-', b'0' | b'1', _, b'-', b'0'..=b'3', _] = text else {
        return false;
    };
    digits(1, 7) && digits(9, 10) && digits(12, 13)
}

/// The end of the public IPv4 address that begins at `at`. Addresses that are local, private or
/// reserved for protocols (RFC 6890) identify nobody.
pub(super) fn ipv4(text: &[u8], at: usize) -> Option<usize> {
    let cut_left = match before(text, at) {
        b'.' => true,
        b'-' | b'_' => is_joined_left(text, at - 1),
        _ => is_joined_left(text, at),
    };
    if cut_left {
        return None;
    }
    let mut octets = [0_u16; 4];
    let mut i = at;
    for (n, octet) in octets.iter_mut().enumerate() {
        let end = run(text, i, DIGITS);
        if !(1..=3).contains(&(end - i)) || end - i > 1 && byte(text, i) == b'0' {
            return None;
        }
        *octet = slice(text, i, end).iter().fold(0, |n, b| n * 10 + u16::from(b - b'0'));
        let last = n == 3;
        if *octet > 255 || !last && byte(text, end) != b'.' {
            return None;
        }
        i = if last { end } else { end + 1 };
    }
    let [a, b, c, d] = octets;
    // A network, or a version that ends in zeros, is nobody's either.
    let local = matches!(a, 0 | 10 | 127 | 224..)
        || (b, c, d) == (0, 0, 0)
        || (a, b) == (192, 168)
        || (a, b) == (169, 254)
        || a == 172 && (16..32).contains(&b);
    // `see 15.10.2.11`: in prose four small numbers are a section.
    let section = octets.iter().all(|&octet| octet < 32) && matches!(before(text, at), b' ' | b'(');
    let cut_right = match byte(text, i) {
        b'.' => DIGITS.has(byte(text, i + 1)) || is_mask_right(text, i + 1),
        b'-' | b'+' => !DIGITS.has(byte(text, i + 1)) && is_joined_right(text, i + 1),
        _ => is_joined_right(text, i),
    };
    (!local && !section && !cut_right && !is_versioned(text, at)).then_some(i)
}

/// Whether the word before `at` says that a version follows.
fn is_versioned(text: &[u8], at: usize) -> bool {
    const SPACE: Set = Set::new(b" :=\"'");
    const LETTERS: Set = Set::new(b"A-Za-z");
    let end = run_back(text, at, SPACE, 4);
    let word = slice(text, run_back(text, end, LETTERS, 16), end);
    let word = word.get(word.len().saturating_sub(7)..).unwrap_or(word);
    [&b"version"[..], b"ver", b"v", b"release", b"build", b"section", b"oid"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// The end of the IPv6 address of the global unicast block 2000::/3 (RFC 4291) that begins at `at`.
pub(super) fn ipv6(text: &[u8], at: usize) -> Option<usize> {
    const HEXES: Set = Set::new(b"0-9A-Fa-f");
    if before(text, at) == b':' || !matches!(byte(text, at), b'2' | b'3') {
        return None;
    }
    let (mut groups, mut short, mut i, mut end) = (0, false, at, at);
    loop {
        let stop = run(text, i, HEXES).min(i + 5);
        let len = stop - i;
        if len > 4 || len == 0 || groups == 0 && len != 4 {
            break;
        }
        groups += 1;
        end = stop;
        if groups == 8 || byte(text, stop) != b':' {
            break;
        }
        i = stop + 1;
        if byte(text, i) == b':' {
            if short {
                return None;
            }
            short = true;
            i += 1;
            end = i;
        }
    }
    let whole = if short { (2..8).contains(&groups) } else { groups == 8 };
    let cut = byte(text, end) == b':' && HEXES.has(byte(text, end + 1));
    let joined = is_joined_left(text, at) || is_joined_right(text, end);
    (whole && !cut && !joined).then_some(end)
}

/// The end of the EUI-48 that begins at `at`: six pairs with `:` or `-`, or three groups with dots.
pub(super) fn mac(text: &[u8], at: usize) -> Option<usize> {
    let hex = |at| byte(text, at).is_ascii_hexdigit();
    let part = byte(text, at + 2);
    let (step, len) = match part {
        b':' | b'-' => (3, 17),
        _ if byte(text, at + 4) == b'.' => (5, 14),
        _ => return None,
    };
    let mark = byte(text, at + step - 1);
    let shaped = (0..len)
        .all(|i| if i % step == step - 1 { byte(text, at + i) == mark } else { hex(at + i) });
    let whole = slice(text, at, at + len);
    // Without a letter it may be a date or a count.
    let letters = mark == b':' || whole.iter().any(u8::is_ascii_alphabetic);
    let plain = whole.iter().all(|b| matches!(b, b'0' | b':' | b'-' | b'.'))
        || whole.iter().all(|b| matches!(b, b'f' | b'F' | b':' | b'-' | b'.'));
    // What follows the sign may be another value as well.
    let next = at + len + 1;
    let seventh = run(slice(text, 0, next + step), next, ALNUM) == next + step - 1;
    let seventh = seventh && (next..next + step - 1).all(hex);
    let cut = is_joined_left(text, at)
        || is_joined_right(text, at + len)
        || byte(text, at + len) == mark && (seventh || is_mask_right(text, at + len + 1))
        || before(text, at) == mark && is_joined_left(text, at - 1);
    (shaped && letters && !plain && !cut).then_some(at + len)
}

/// The end of the IBAN (ISO 13616) that begins at `at`: the country's length, groups of four or none,
/// modulo 97.
pub(super) fn iban(text: &[u8], at: usize) -> Option<usize> {
    const SET: Set = Set::new(b"0-9A-Za-z");
    let country = slice(text, at, at + 2);
    if !DIGITS.has(byte(text, at + 2)) || !DIGITS.has(byte(text, at + 3)) {
        return None;
    }
    let want = iban_length(country)?;
    let mut compact = [0_u8; 34];
    let (mut count, mut i) = (0, at);
    let parted = matches!(byte(text, at + 4), b' ' | b'-').then(|| byte(text, at + 4));
    while count < want {
        let c = byte(text, i);
        if SET.has(c) {
            *compact.get_mut(count)? = c;
            count += 1;
        } else if Some(c) != parted || count % 4 != 0 {
            return None;
        }
        i += 1;
    }
    let compact = compact.get(..count)?;
    let (head, tail) = compact.split_at_checked(4)?;
    let good = mod97(tail.iter().chain(head).copied()) == Some(1);
    let joined = is_joined_left(text, at) || is_joined_right(text, i);
    (good && !joined).then_some(i)
}

/// The SWIFT registry's lengths.
fn iban_length(country: &[u8]) -> Option<usize> {
    Some(match country {
        b"NO" => 15,
        b"BE" => 16,
        b"DK" | b"FI" | b"FK" | b"FO" | b"GL" | b"NL" | b"SD" => 18,
        b"MK" | b"SI" => 19,
        b"AT" | b"BA" | b"EE" | b"KZ" | b"LT" | b"LU" | b"MN" | b"XK" => 20,
        b"CH" | b"HR" | b"LI" | b"LV" => 21,
        b"BG" | b"BH" | b"CR" | b"DE" | b"GB" | b"GE" | b"IE" | b"ME" | b"RS" | b"VA" => 22,
        b"AE" | b"GI" | b"IL" | b"IQ" | b"OM" | b"SO" | b"TL" => 23,
        b"AD" | b"CZ" | b"ES" | b"MD" | b"PK" | b"RO" | b"SA" | b"SE" | b"SK" | b"TN" | b"VG" => 24,
        b"LY" | b"PT" | b"ST" => 25,
        b"IS" | b"TR" => 26,
        b"BI" | b"DJ" | b"FR" | b"GR" | b"IT" | b"MC" | b"MR" | b"SM" => 27,
        b"AL" | b"AZ" | b"BY" | b"CY" | b"DO" | b"GT" | b"HN" | b"HU" | b"LB" | b"NI" | b"PL"
        | b"SV" => 28,
        b"BR" | b"EG" | b"PS" | b"QA" | b"UA" => 29,
        b"JO" | b"KW" | b"MU" | b"YE" => 30,
        b"MT" | b"SC" => 31,
        b"LC" => 32,
        b"RU" => 33,
        _ => return None,
    })
}

/// Whether `word` is a Bitcoin address: Base58Check of version 0 or 5, or segwit.
pub(super) fn btc(word: &[u8]) -> bool {
    match word.len() {
        42 | 62 if starts_folded(word, b"bc1") => segwit(word),
        25..=35 if matches!(byte(word, 0), b'1' | b'3') => base58check(word),
        _ => false,
    }
}

/// Whether `word` is an Ethereum address. Its mixed-case checksum (EIP-55) is optional.
pub(super) fn eth(word: &[u8]) -> bool {
    let body = word.get(2..).unwrap_or(&[]);
    word.len() == 42
        && word.starts_with(b"0x")
        && body.iter().all(u8::is_ascii_hexdigit)
        && super::bytes::varies(body, 5)
}

/// What an authority holds before its host.
pub(super) struct UserInfo {
    /// The password, or a user name that is none.
    pub(super) secret: Option<(usize, usize)>,
    /// Offset after the host.
    pub(super) end: usize,
}

/// The user information (RFC 3986 section 3.2.1) of the URL whose `://` is at `at`.
pub(super) fn authority(text: &[u8], at: usize) -> UserInfo {
    const MOST: usize = 512;
    let start = at + 3;
    let rest = slice(text, start, start + MOST);
    let blank =
        |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\');
    let stop = |b: &u8| b"/?#".contains(b) || blank(b);
    let strict = rest.iter().position(stop).unwrap_or(rest.len());
    let mut scope = rest.get(..strict).unwrap_or(&[]);
    let mut sign = memchr::memrchr(b'@', scope);
    if sign.is_none()
        && let Some(colon) = memchr::memchr(b':', scope)
        && scope.get(colon + 1..).is_some_and(|port| !port.iter().all(u8::is_ascii_digit))
    {
        // A password with an unescaped `/`, `?` or `#`.
        let all = rest.iter().position(blank).unwrap_or(rest.len());
        scope = rest.get(..all).unwrap_or(&[]);
        sign = memchr::memrchr(b'@', scope);
    }
    let end = start + scope.len();
    let Some(sign) = sign else {
        return UserInfo { secret: None, end };
    };
    let user = scope.get(..sign).unwrap_or(&[]);
    let secret = match memchr::memchr(b':', user) {
        Some(colon) if colon + 1 < sign => Some((start + colon + 1, start + sign)),
        None if user.len() >= 16 && super::token::is_random(user) => Some((start, start + sign)),
        _ => None,
    };
    UserInfo { secret, end }
}

/// The run of base64url that was measured last: one run may hold many beginnings of a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    start: usize,
    end: usize,
}

impl Measured {
    /// Nothing was measured.
    pub(super) const NEW: Self = Self { start: 0, end: 0 };

    /// Bytes `from..to` of the text are gone.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        (self.start, self.end) = (moved(self.start, from, to), moved(self.end, from, to));
    }

    /// The end of the JSON Web Token (RFC 7515, 7516, compact form) at `at`. Its first part, the header,
    /// has at most 4 KiB.
    pub(super) fn jwt(&mut self, text: &[u8], at: usize) -> Option<usize> {
        const PARTS: Set = Set::new(b"0-9A-Za-z_.-");
        const HEADER: usize = 4 << 10;
        if !(self.start..self.end).contains(&at) {
            *self = Self { start: at, end: at };
        }
        // What was measured for one beginning goes on where it ended for the next.
        self.end = run(slice(text, 0, at + HEADER), self.end, URL64);
        let header = slice(text, at, self.end);
        let tail = text.get(self.end..).unwrap_or(&[]);
        if header.len() < 16 || byte(tail, 0) != b'.' || tail.starts_with(ELLIPSIS) {
            return None;
        }
        let claims = slice(text, self.end + 1, self.end + 4) == b"eyJ";
        if !claims && !is_header(header) {
            return None;
        }
        const FULL_STOP: Set = Set::new(b".");
        let end = trimmed_end(text, at, run(text, self.end, PARTS), FULL_STOP);
        (end > self.end + 8).then_some(end)
    }
}

/// Whether the first member of this object in base64url is one of a JOSE header (RFC 7515 section 4.1,
/// RFC 7516 section 4.1).
fn is_header(header: &[u8]) -> bool {
    let mut decoded = [0; 15];
    let head = super::bytes::decode64(slice(header, 0, 20), &mut decoded);
    let name = slice(head, 2, head.len()).split(|&byte| byte == b'"').next();
    let names: [&[u8]; 18] = [
        b"alg",
        b"enc",
        b"typ",
        b"kid",
        b"cty",
        b"zip",
        b"jku",
        b"jwk",
        b"x5u",
        b"x5c",
        b"x5t",
        b"x5t#S256",
        b"crit",
        b"epk",
        b"apu",
        b"apv",
        b"b64",
        b"url",
    ];
    name.is_some_and(|name| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Option<&str> {
        let (start, end) = email(text.as_bytes(), text.find('@')?)?;
        text.get(start..end)
    }

    #[test]
    fn mail_addresses_and_what_only_looks_like_them() {
        assert_eq!(mail("to <ann.b+c@mail.example.org>."), Some("ann.b+c@mail.example.org"));
        assert_eq!(mail(r"x\nann@example.org"), Some("ann@example.org"));
        assert_eq!(mail("ann@exämple.de,"), Some("ann@exämple.de"));
        assert_eq!(mail("ann@x.org"), Some("ann@x.org"));
        for text in [
            "icon@2x.png",
            "pkg@1.2.3",
            "git@github.com:a/b.git",
            "@scope/name",
            "x@y.T",
            "a@b",
            "a@.com",
            "deploy@host.example:/srv/www",
            "kex chacha20-poly1305@openssh.com,aes",
        ] {
            assert_eq!(mail(text), None, "{text}");
        }
    }

    #[test]
    fn telephones() {
        let end = |text: &str| e164(text.as_bytes(), text.find('+').unwrap());
        assert_eq!(end("+1 (212) 555-0123."), Some(17));
        assert_eq!(end("+442079460123"), Some(13));
        assert_eq!(end("+49 30 2345678 12:30"), Some(14));
        assert_eq!(end("+1 212 555"), None);
        assert_eq!(end("+44.2079.460123"), Some(15));
        assert_eq!(end("+255959.999"), None, "a decimal fraction");
        assert_eq!(end("a+442079460123"), None);
        assert_eq!(end("+0200"), None);
        assert_eq!(end("+262142-12-31"), None, "a date");
    }

    #[test]
    fn machines() {
        let four = |text: &str| ipv4(text.as_bytes(), 0);
        assert_eq!(four("203.0.113.9:80"), Some(11));
        for text in ["1.2.3.4.5", "256.1.1.1", "10.0.0.1", "127.0.0.1", "1.2.3.4-rc1", "01.2.3.4"] {
            assert_eq!(four(text), None, "{text}");
        }
        assert_eq!(ipv4(b"version 1.2.3.4", 8), None);
        assert_eq!(ipv4(b"see 15.10.2.11", 4), None);
        assert_eq!(ipv4(b"from 15.10.2.110", 5), Some(16));
        let six = |text: &str| ipv6(text.as_bytes(), 0);
        assert_eq!(six("2001:db8::1 "), Some(11));
        assert_eq!(six("2001:db8:1:2:3:4:5:6"), Some(20));
        for text in ["2001:db8", "2001", "20:30:40", "2001::1::2", "2001:db8:1:2:3:4:5:6:7"] {
            assert_eq!(six(text), None, "{text}");
        }
        let mac = |text: &str| mac(text.as_bytes(), 0);
        assert_eq!(mac("0a:1b:2c:3d:4e:5f"), Some(17));
        assert_eq!(mac("0a1b.2c3d.4e5f"), Some(14));
        for text in ["0a:1b:2c:3d:4e:5f:60", "00:00:00:00:00:00", "10-20-30-40-50-60"] {
            assert_eq!(mac(text), None, "{text}");
        }
    }

    #[test]
    fn accounts() {
        assert_eq!(iban(b"GB82 WEST 1234 5698 7654 32 ", 0), Some(27));
        assert_eq!(iban(b"GB82WEST12345698765432", 0), Some(22));
        assert_eq!(iban(b"GB82WEST12345698765433", 0), None);
        assert_eq!(iban(b"GB82WEST123456987654321", 0), None);
    }

    #[test]
    fn passwords_in_urls() {
        let password = |text: &str| {
            let info = authority(text.as_bytes(), text.find("://").unwrap());
            info.secret.and_then(|(start, end)| text.get(start..end).map(std::string::String::from))
        };
        assert_eq!(password("db://u:p4ss@h:1/x").as_deref(), Some("p4ss"));
        assert_eq!(password("db://u:p@ss@h/x").as_deref(), Some("p@ss"));
        assert_eq!(password("db://u:p/ss@h/x").as_deref(), Some("p/ss"));
        assert_eq!(password("http://h:8080/a@b"), None);
        assert_eq!(password("http://h/a:b@c"), None);
        assert_eq!(password("ssh://git@h/x"), None);
    }
}
