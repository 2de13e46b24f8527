//! What a relative reference means where it stands (RFC 3986, section 5.2).
//!
//! URIs are compared as they are spelt once they are resolved. One pass over both texts; nothing is
//! fetched, so a text that is no URI harms nobody: it names nothing.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// `reference`, which has no fragment, as it reads from a document at `base`.
pub(super) fn resolve(base: &str, reference: &str) -> String {
    if reference.is_empty() {
        return base.to_string();
    }
    let (base, own) = (Parts::of(base), Parts::of(reference));
    let target = if own.scheme.is_some() {
        Parts { path: own.path, ..own }
    } else if own.authority.is_some() {
        Parts { scheme: base.scheme, ..own }
    } else if own.path.is_empty() {
        Parts { query: own.query.or(base.query), ..base }
    } else if own.path.starts_with('/') {
        Parts { query: own.query, path: own.path, ..base }
    } else {
        let path = merge(&base, own.path);
        return Parts { query: own.query, path: &path, ..base }.join();
    };
    target.join()
}

/// The parts of a reference without its fragment (RFC 3986, appendix B).
#[derive(Clone, Copy)]
struct Parts<'t> {
    scheme: Option<&'t str>,
    authority: Option<&'t str>,
    path: &'t str,
    query: Option<&'t str>,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        let (text, query) = match text.split_once('?') {
            Some((text, query)) => (text, Some(query)),
            None => (text, None),
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if !scheme.is_empty() && !scheme.contains('/') => {
                (Some(scheme), rest)
            }
            _ => (None, text),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query }
    }

    fn join(self) -> String {
        let mut uri = String::new();
        if let Some(scheme) = self.scheme {
            uri.push_str(scheme);
            uri.push(':');
        }
        if let Some(authority) = self.authority {
            uri.push_str("//");
            uri.push_str(authority);
        }
        push_without_dots(&mut uri, self.path);
        if let Some(query) = self.query {
            uri.push('?');
            uri.push_str(query);
        }
        uri
    }
}

/// `path` in the folder of `base` (section 5.2.3).
fn merge(base: &Parts<'_>, path: &str) -> String {
    let folder = match base.path.rfind('/') {
        Some(slash) => base.path.get(..=slash).unwrap_or(""),
        None if base.authority.is_some() => "/",
        None => "",
    };
    folder.to_string() + path
}

/// Appends `path` without its `.` and `..` segments (section 5.2.4).
fn push_without_dots(uri: &mut String, path: &str) {
    let start = uri.len();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                // What was written ends with a slash: the folder before it goes.
                let written = uri.get(start..).unwrap_or("").trim_end_matches('/');
                let parent = written.rfind('/').map_or(0, |slash| slash + 1);
                let rooted = usize::from(path.starts_with('/'));
                uri.truncate(start + parent.max(rooted).min(uri.len() - start));
            }
            _ => {
                uri.push_str(segment);
                if !last {
                    uri.push('/');
                }
            }
        }
    }
}

/// Undoes percent-encoding (RFC 3986, section 2.1); none when it is not valid.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|&b| char::from(b).to_digit(16));
            bytes.push((digit()? * 16 + digit()?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3986, sections 5.4.1 and 5.4.2, without fragments.
    #[test]
    fn the_examples_of_the_rfc() {
        for (reference, uri) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("g;x?y", "http://a/b/c/g;x?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
        ] {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference), uri, "{reference}");
        }
    }

    #[test]
    fn bases_of_other_shapes() {
        assert_eq!(resolve("", "item.json"), "item.json");
        assert_eq!(resolve("item.json", "other"), "other");
        assert_eq!(resolve("http://host", "item"), "http://host/item");
        assert_eq!(resolve("urn:uuid:1", ""), "urn:uuid:1");
        assert_eq!(resolve("urn:uuid:1", "urn:uuid:2"), "urn:uuid:2");
        assert_eq!(resolve("a/b/c", "../d"), "a/d");
        assert_eq!(
            resolve("file:///folder/file.json", "#".trim_end_matches('#')),
            "file:///folder/file.json"
        );
        assert_eq!(resolve("file:///folder/file.json", "c.json"), "file:///folder/c.json");
    }
}
