//! Numbers by value.

/// A JSON number as it is spelt.
#[derive(Clone, Copy, Debug)]
pub struct Number<'t> {
    raw: &'t [u8],
}

impl<'t> Number<'t> {
    pub(crate) const fn new(raw: &'t [u8]) -> Self {
        Self { raw }
    }

    /// The spelling.
    #[must_use]
    pub const fn raw(self) -> &'t [u8] {
        self.raw
    }
}
