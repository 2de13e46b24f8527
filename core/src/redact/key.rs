//! What the name of a field says about its value.
//!
//! A name is compared without case, `_`, `-`, `.` and spaces, from its end: `DB_PASSWORD`,
//! `dbPassword` and `db-password` all end in `password`. Names that only look like one, such as
//! `next_page_token`, are on a list of their own.

use super::bytes::{before, byte, starts_folded};
use super::table::{Eight, eight};
use super::types::TypeId;

/// What a value under a name must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Anything but a placeholder, from four bytes.
    Password,
    /// Anything but a placeholder, from six bytes.
    Secret,
    /// Only what looks random: the name alone says little.
    Key,
    /// A scheme and a credential.
    Authorization,
    /// Names and values of their own.
    Cookie,
    /// A dozen words or two.
    Phrase,
    /// A few digits.
    Pin,
    /// Personal data: judged by the name in JSON only, elsewhere by its format.
    Personal,
}

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) id: TypeId,
    pub(super) class: Class,
}

impl Meaning {
    /// What is known to be a password.
    pub(super) const PASSWORD: Self = Self { id: TypeId::PASSWORD, class: Class::Password };

    /// Whether it is that of a secret that stands by itself: no cookie, number or field of a person.
    pub(super) fn is_secret(self) -> bool {
        matches!(self.class, Class::Password | Class::Secret | Class::Key)
    }
}

/// Whether the end of a name must also be a word of its own: `pwd` in `db_pwd`, not in `cpwd`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Anywhere,
    Word,
    /// The whole name.
    Whole,
}

use At::{Anywhere, Whole, Word};
use Class::{Authorization, Cookie, Key, Password, Personal, Phrase, Pin, Secret};

type Row = (&'static str, At, TypeId, Class);

/// Endings that carry a meaning; the first that fits decides.
const NAMES: &[Row] = &[
    ("password", Anywhere, TypeId::PASSWORD, Password),
    ("passwords", Anywhere, TypeId::PASSWORD, Password),
    ("passwd", Anywhere, TypeId::PASSWORD, Password),
    ("passphrase", Anywhere, TypeId::PASSWORD, Password),
    ("passwordconfirmation", Anywhere, TypeId::PASSWORD, Password),
    ("passwordconfirm", Anywhere, TypeId::PASSWORD, Password),
    ("passwordrepeat", Anywhere, TypeId::PASSWORD, Password),
    ("passwordagain", Anywhere, TypeId::PASSWORD, Password),
    ("passcode", Anywhere, TypeId::PASSWORD, Password),
    ("passwort", Anywhere, TypeId::PASSWORD, Password),
    ("kennwort", Anywhere, TypeId::PASSWORD, Password),
    ("contraseña", Anywhere, TypeId::PASSWORD, Password),
    ("contrasena", Anywhere, TypeId::PASSWORD, Password),
    ("motdepasse", Anywhere, TypeId::PASSWORD, Password),
    ("wachtwoord", Anywhere, TypeId::PASSWORD, Password),
    ("lösenord", Anywhere, TypeId::PASSWORD, Password),
    ("losenord", Anywhere, TypeId::PASSWORD, Password),
    ("adgangskode", Anywhere, TypeId::PASSWORD, Password),
    ("salasana", Anywhere, TypeId::PASSWORD, Password),
    ("hasŁo", Word, TypeId::PASSWORD, Password),
    ("hasło", Word, TypeId::PASSWORD, Password),
    ("haslo", Word, TypeId::PASSWORD, Password),
    ("heslo", Word, TypeId::PASSWORD, Password),
    ("jelszó", Word, TypeId::PASSWORD, Password),
    ("senha", Word, TypeId::PASSWORD, Password),
    ("şifre", Word, TypeId::PASSWORD, Password),
    ("пароль", Anywhere, TypeId::PASSWORD, Password),
    ("Пароль", Anywhere, TypeId::PASSWORD, Password),
    ("ПАРОЛЬ", Anywhere, TypeId::PASSWORD, Password),
    ("密码", Anywhere, TypeId::PASSWORD, Password),
    ("密碼", Anywhere, TypeId::PASSWORD, Password),
    ("パスワード", Anywhere, TypeId::PASSWORD, Password),
    ("비밀번호", Anywhere, TypeId::PASSWORD, Password),
    // Words that mean more than a password.
    ("clave", Word, TypeId::PASSWORD, Secret),
    ("parola", Word, TypeId::PASSWORD, Secret),
    ("storepass", Whole, TypeId::PASSWORD, Password),
    ("keypass", Whole, TypeId::PASSWORD, Password),
    ("requirepass", Whole, TypeId::PASSWORD, Password),
    ("masterauth", Whole, TypeId::PASSWORD, Password),
    ("psk", Word, TypeId::PASSWORD, Password),
    ("adminpwd", Anywhere, TypeId::PASSWORD, Password),
    ("userpwd", Anywhere, TypeId::PASSWORD, Password),
    ("rootpwd", Anywhere, TypeId::PASSWORD, Password),
    ("dbpwd", Anywhere, TypeId::PASSWORD, Password),
    ("pwd", Word, TypeId::PASSWORD, Password),
    ("pass", Word, TypeId::PASSWORD, Password),
    ("pw", Word, TypeId::PASSWORD, Password),
    ("authorization", Anywhere, TypeId::AUTHORIZATION, Authorization),
    ("cookie", Anywhere, TypeId::COOKIE, Cookie),
    ("secret", Anywhere, TypeId::SECRET, Secret),
    ("secrets", Word, TypeId::SECRET, Secret),
    ("token", Anywhere, TypeId::SECRET, Secret),
    ("apikey", Anywhere, TypeId::SECRET, Secret),
    ("apikeys", Anywhere, TypeId::SECRET, Secret),
    ("accesskey", Anywhere, TypeId::SECRET, Secret),
    ("secretkey", Anywhere, TypeId::SECRET, Secret),
    ("secretkeybase", Anywhere, TypeId::SECRET, Secret),
    ("privatekey", Anywhere, TypeId::SECRET, Secret),
    ("clientkeydata", Anywhere, TypeId::SECRET, Secret),
    ("privatekeyid", Anywhere, TypeId::SECRET, Key),
    ("signingkey", Anywhere, TypeId::SECRET, Secret),
    ("encryptionkey", Anywhere, TypeId::SECRET, Secret),
    ("masterkey", Anywhere, TypeId::SECRET, Secret),
    ("accountkey", Anywhere, TypeId::SECRET, Secret),
    ("sharedkey", Anywhere, TypeId::SECRET, Secret),
    ("authkey", Anywhere, TypeId::SECRET, Secret),
    ("licensekey", Anywhere, TypeId::SECRET, Secret),
    ("servicekey", Anywhere, TypeId::SECRET, Secret),
    ("subscriptionkey", Anywhere, TypeId::SECRET, Secret),
    ("sessionkey", Anywhere, TypeId::SECRET, Secret),
    ("hmackey", Anywhere, TypeId::SECRET, Secret),
    ("credential", Anywhere, TypeId::SECRET, Secret),
    ("credentials", Anywhere, TypeId::SECRET, Secret),
    ("connectionstring", Anywhere, TypeId::SECRET, Secret),
    ("secretstring", Anywhere, TypeId::SECRET, Secret),
    ("backupcode", Anywhere, TypeId::PASSWORD, Secret),
    ("backupcodes", Anywhere, TypeId::PASSWORD, Secret),
    ("recoverycode", Anywhere, TypeId::PASSWORD, Secret),
    ("recoverycodes", Anywhere, TypeId::PASSWORD, Secret),
    ("mnemonic", Word, TypeId::SECRET, Phrase),
    ("seedphrase", Anywhere, TypeId::SECRET, Phrase),
    ("recoveryphrase", Anywhere, TypeId::SECRET, Phrase),
    ("auth", Word, TypeId::SECRET, Key),
    ("key", Word, TypeId::SECRET, Key),
    ("sig", Whole, TypeId::SIGNATURE, Key),
    ("signature", Whole, TypeId::SIGNATURE, Key),
    ("xamzsignature", Whole, TypeId::SIGNATURE, Key),
    ("pin", Whole, TypeId::PASSWORD, Pin),
    ("pincode", Whole, TypeId::PASSWORD, Pin),
    ("cvv", Word, TypeId::CARD, Pin),
    ("cvc", Word, TypeId::CARD, Pin),
    ("cvv2", Word, TypeId::CARD, Pin),
    ("otp", Word, TypeId::PASSWORD, Pin),
    ("securitycode", Anywhere, TypeId::PASSWORD, Pin),
    ("verificationcode", Anywhere, TypeId::PASSWORD, Pin),
    ("accesscode", Anywhere, TypeId::PASSWORD, Pin),
    ("ssn", Word, TypeId::SSN, Personal),
    ("socialsecurity", Anywhere, TypeId::SSN, Personal),
    ("socialsecuritynumber", Anywhere, TypeId::SSN, Personal),
    ("taxid", Word, TypeId::NATIONAL_ID, Personal),
    ("nationalid", Word, TypeId::NATIONAL_ID, Personal),
    ("passport", Word, TypeId::PASSPORT, Personal),
    ("passportnumber", Anywhere, TypeId::PASSPORT, Personal),
    ("passportno", Anywhere, TypeId::PASSPORT, Personal),
    ("driverslicense", Anywhere, TypeId::LICENCE, Personal),
    ("driverlicense", Anywhere, TypeId::LICENCE, Personal),
    ("licensenumber", Word, TypeId::LICENCE, Personal),
    ("iban", Word, TypeId::IBAN, Personal),
    ("accountnumber", Anywhere, TypeId::BANK_ACCOUNT, Personal),
    ("routingnumber", Anywhere, TypeId::BANK_ACCOUNT, Personal),
    ("cardnumber", Anywhere, TypeId::CARD, Personal),
    ("pan", Whole, TypeId::CARD, Personal),
    ("dob", Word, TypeId::BIRTH_DATE, Personal),
    ("dateofbirth", Anywhere, TypeId::BIRTH_DATE, Personal),
    ("birthdate", Anywhere, TypeId::BIRTH_DATE, Personal),
    ("email", Word, TypeId::EMAIL, Personal),
    ("emailaddress", Word, TypeId::EMAIL, Personal),
    ("phone", Word, TypeId::PHONE, Personal),
    ("phonenumber", Anywhere, TypeId::PHONE, Personal),
];

/// Endings that look like one of the above and are none.
const INNOCENT: &[(&str, At)] = &[
    ("pagetoken", Anywhere),
    ("nexttoken", Anywhere),
    ("continuationtoken", Anywhere),
    ("synctoken", Anywhere),
    ("eostoken", Anywhere),
    ("bostoken", Anywhere),
    ("padtoken", Anywhere),
    ("unktoken", Anywhere),
    ("masktoken", Anywhere),
    ("stoptoken", Anywhere),
    ("starttoken", Anywhere),
    ("endtoken", Anywhere),
    ("specialtoken", Anywhere),
    ("imagetoken", Anywhere),
    ("resumetoken", Anywhere),
    ("deltatoken", Anywhere),
    ("skiptoken", Anywhere),
    ("cursortoken", Anywhere),
    ("cancellationtoken", Anywhere),
    ("designtoken", Anywhere),
    ("hostkey", Anywhere),
    ("objectkey", Anywhere),
    ("rowkey", Anywhere),
    ("publickey", Anywhere),
    ("primarykey", Anywhere),
    ("foreignkey", Anywhere),
    ("sortkey", Anywhere),
    ("partitionkey", Anywhere),
    ("cachekey", Anywhere),
    ("idempotencykey", Anywhere),
    ("samesitecookie", Anywhere),
    ("pertoken", Word),
    ("oldpwd", Whole),
];

/// Rows by the last two letters of their endings: `heads` has the first, `next` the one after, both
/// counted from one.
struct Index<const ROWS: usize> {
    heads: [u8; 1024],
    next: [u8; ROWS],
    /// The last eight letters of the endings, the last one first.
    eight: [Eight; ROWS],
}

impl<const ROWS: usize> Index<ROWS> {
    const fn of(endings: [&str; ROWS]) -> Self {
        let mut index = Self { heads: [0; 1024], next: [0; ROWS], eight: [Eight::ANY; ROWS] };
        let mut row = ROWS;
        while row > 0 {
            row -= 1;
            let ending = endings[row].as_bytes();
            assert!(ending.len() <= LONGEST, "a tail holds every ending");
            let bucket = bucket(ending[ending.len() - 1], ending[ending.len() - 2]);
            index.next[row] = index.heads[bucket];
            index.heads[bucket] = row as u8 + 1;
            let mut last = [0; 8];
            let mut back = 0;
            while back < 8 && back < ending.len() {
                last[back] = ending[ending.len() - 1 - back];
                back += 1;
            }
            index.eight[row] = Eight::of(last.split_at(back).0);
        }
        index
    }

    /// The numbers of the rows whose ending `tail` may have.
    fn rows(&self, tail: &Tail) -> impl Iterator<Item = usize> {
        let [last, second, ..] = tail.letters;
        let letters = eight(&tail.letters);
        let mut next = self.heads.get(bucket(last, second)).copied();
        core::iter::from_fn(move || {
            loop {
                let row = usize::from(next?).checked_sub(1)?;
                next = self.next.get(row).copied();
                if self.eight.get(row)?.begins(letters) {
                    return Some(row);
                }
            }
        })
    }
}

const fn bucket(last: u8, second: u8) -> usize {
    (last as usize & 31) << 5 | second as usize & 31
}

static MEANT: Index<{ NAMES.len() }> = {
    let mut endings = [""; NAMES.len()];
    let mut row = 0;
    while row < NAMES.len() {
        endings[row] = NAMES[row].0;
        row += 1;
    }
    Index::of(endings)
};

static LOOK_ALIKES: Index<{ INNOCENT.len() }> = {
    let mut endings = [""; INNOCENT.len()];
    let mut row = 0;
    while row < INNOCENT.len() {
        endings[row] = INNOCENT[row].0;
        row += 1;
    }
    Index::of(endings)
};

/// How much of a cookie's name is looked at.
const LONGEST_COOKIE: usize = 256;
/// The longest ending.
const LONGEST: usize = 20;

/// The last letters of a name, joints left out, capitals as small letters, the last one first.
struct Tail {
    letters: [u8; LONGEST],
    /// How far from the name's end each stands.
    back: [u8; LONGEST],
    len: usize,
}

impl Tail {
    #[inline]
    fn of(name: &[u8]) -> Self {
        let mut tail = Self { letters: [0; LONGEST], back: [0; LONGEST], len: 0 };
        for (back, at) in (1..=u8::MAX).zip((0..name.len()).rev()) {
            let (Some(letter), Some(place)) =
                (tail.letters.get_mut(tail.len), tail.back.get_mut(tail.len))
            else {
                break;
            };
            if !is_joint(byte(name, at)) {
                (*letter, *place) = (small(name, at), back);
                tail.len += 1;
            }
        }
        tail
    }

    /// Whether `name`, of which this is the tail, ends in `ending`.
    #[inline]
    fn ends_in(&self, name: &[u8], ending: &str, place: At) -> bool {
        let letters = self.letters.get(..ending.len()).unwrap_or(&[]);
        if self.len < ending.len() || !ending.bytes().rev().eq(letters.iter().copied()) {
            return false;
        }
        let back = ending.len().checked_sub(1).and_then(|last| self.back.get(last));
        let at = name.len() - back.map_or(0, |&back| usize::from(back));
        let (left, first) = (before(name, at), byte(name, at));
        match place {
            Anywhere => true,
            Word => {
                !left.is_ascii_alphanumeric()
                    || left.is_ascii_lowercase() && first.is_ascii_uppercase()
                    || left.is_ascii_digit()
            }
            Whole => !name.iter().take(at).any(u8::is_ascii_alphanumeric),
        }
    }
}

/// What else stands before a value: `value: …` beside a name, `the password is: …`, `kind: Secret`,
/// `jdbc:oracle:thin:…`, `xfreerdp /p:…`.
const OTHERS: [&str; 5] = ["value", " is", "kind", "thin", " /p"];

/// The last three letters of [`NAMES`] and [`OTHERS`], by their low bits.
static ENDINGS: [u64; 512] = {
    let mut set = [0; 512];
    let mut row = 0;
    while row < NAMES.len() + OTHERS.len() {
        let name = if row < NAMES.len() { NAMES[row].0 } else { OTHERS[row - NAMES.len()] };
        let name = name.as_bytes();
        let len = name.len();
        let (b, c) = (name[len - 2], name[len - 1]);
        let mut i = 0;
        while i < 256 {
            // Before a name of two letters anything may stand, within any a joint.
            let a = i as u8;
            if len == 2 || a == name[len - 3] || is_joint(a) {
                let at = triple(a, b, c);
                set[at >> 6] |= 1 << (at & 63);
            }
            i += 1;
        }
        row += 1;
    }
    set
};

/// The same for capitals and small letters.
const fn triple(a: u8, b: u8, c: u8) -> usize {
    (a as usize & 31) << 10 | (b as usize & 31) << 5 | c as usize & 31
}

/// Whether the name before the operator at `op` may be one that has a meaning. It looks at a few bytes,
/// and few other names pass.
#[inline]
pub(super) fn may_have_meaning(text: &[u8], op: usize) -> bool {
    // Most names end in three letters, some of them in a quote.
    let Some(&[w, x, y, z]) = text.get(..op).and_then(|head| head.last_chunk()) else {
        return may_be_named(text, op);
    };
    let [a, b, c] = if z == b'"' { [w, x, y] } else { [x, y, z] };
    if c.is_ascii_lowercase() { ends_a_name(a, b, c) } else { may_be_named(text, op) }
}

/// Whether a name with a meaning may end in these letters.
#[inline]
fn ends_a_name(a: u8, b: u8, c: u8) -> bool {
    let at = triple(a, b, c);
    ENDINGS.get(at >> 6).is_some_and(|set| set >> (at & 63) & 1 == 1) || is_joint(b)
}

/// The same for names that end otherwise.
#[inline(never)]
fn may_be_named(text: &[u8], op: usize) -> bool {
    let mut end = op;
    if matches!(before(text, end), b'"' | b'\'' | b'`') {
        end -= 1;
        let least = end.saturating_sub(8);
        while end > least && before(text, end) == b'\\' {
            end -= 1;
        }
    }
    // A number behind a name is no part of it.
    let number = usize::from(before(text, end).is_ascii_digit());
    end -= number + usize::from(number > 0 && before(text, end - 1).is_ascii_digit());
    let Some(&[a, b, c]) = text.get(end.saturating_sub(3)..end).and_then(|t| t.first_chunk())
    else {
        return end == 2;
    };
    // `WIFI:S:net;P:…`
    if !c.is_ascii() || c == b'P' && b == b';' {
        return true;
    }
    if !c.is_ascii_alphanumeric() {
        // `name = …`, `name := …`, `table["name"] = …`
        return matches!(c, b' ' | b'\t' | b':' | b'?' | b']' | b'*' | b'}') || is_joint(c);
    }
    ends_a_name(a, b, c)
}

/// What `name` says about its value, if anything. A number behind it counts: `password2`, `token_1`.
pub(super) fn meaning(name: &[u8]) -> Option<Meaning> {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let plain = name.get(..name.len() - digits).unwrap_or(name);
    meaning_of(name).or_else(|| if (1..=2).contains(&digits) { meaning_of(plain) } else { None })
}

fn meaning_of(name: &[u8]) -> Option<Meaning> {
    // No ending is one letter.
    if name.len() < 2 {
        return None;
    }
    let tail = Tail::of(name);
    let (id, class) = MEANT.rows(&tail).find_map(|row| {
        let &(ending, at, id, class) = NAMES.get(row)?;
        tail.ends_in(name, ending, at).then_some((id, class))
    })?;
    let innocent = LOOK_ALIKES
        .rows(&tail)
        .any(|row| INNOCENT.get(row).is_some_and(|&(ending, at)| tail.ends_in(name, ending, at)));
    // `key` says something only behind another word, as in `STRIPE_KEY`.
    let bare = class == Key && name.len() <= 3 && id != TypeId::SIGNATURE;
    (!innocent && !bare).then_some(Meaning { id, class })
}

/// The byte at `at` as it is in the small letter: of ASCII, and of Latin-1 in two bytes of UTF-8.
fn small(name: &[u8], at: usize) -> u8 {
    match byte(name, at) {
        capital @ 0x80..=0x9e if before(name, at) == 0xc3 => capital | 0x20,
        other => other.to_ascii_lowercase(),
    }
}

const fn is_joint(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b'.' | b' ')
}

/// Whether a cookie of this name carries a session.
pub(super) fn is_session(name: &[u8]) -> bool {
    let parts: [&[u8]; 9] =
        [b"sess", b"auth", b"token", b"jwt", b"login", b"remember", b"csrf", b"xsrf", b"secret"];
    let begins = |at: usize| {
        let rest = name.get(at..).unwrap_or(&[]);
        let first = byte(rest, 0).to_ascii_lowercase();
        parts.iter().any(|part| byte(part, 0) == first && starts_folded(rest, part))
    };
    (0..name.len().min(LONGEST_COOKIE)).any(begins)
        || Tail::of(name).ends_in(name, "sid", Anywhere)
        || meaning(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str) -> Option<Class> {
        meaning(name.as_bytes()).map(|meaning| meaning.class)
    }

    #[test]
    fn spellings_of_one_name_mean_the_same() {
        for name in ["DB_PASSWORD", "dbPassword", "db-password", "db.password", "password", "Pass"]
        {
            assert_eq!(class(name), Some(Password), "{name}");
        }
        for name in ["api_key", "apiKey", "X-Api-Key", "AWS_SECRET_ACCESS_KEY", "API Key"] {
            assert_eq!(class(name), Some(Secret), "{name}");
        }
        assert_eq!(class("STRIPE_KEY"), Some(Key));
        assert_eq!(class("ssn"), Some(Personal));
    }

    #[test]
    fn look_alikes_mean_nothing() {
        for name in [
            "max_tokens",
            "total_tokens",
            "next_page_token",
            "token_type",
            "primary_key",
            "foreign_key",
            "sort_key",
            "public_key",
            "key_id",
            "password_policy",
            "secretName",
            "keyboard",
            "key",
            "compass",
            "bypass",
            "author",
            "company",
            "",
            "__",
        ] {
            assert_eq!(class(name), None, "{name}");
        }
    }
}
