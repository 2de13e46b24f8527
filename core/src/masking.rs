//! The mask lists, styles and allow-lists of a policy, resolved.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::policy::{OutputPolicy, Policy, PolicyError, combine};
use crate::redact::{AllowList, KeyedHash, Masks, Redactor, Style, Types};

/// What a guard knows of masks, by the indexes of an [`OutputPolicy`].
#[derive(Default)]
pub(crate) struct Masking {
    types: Vec<Types>,
    styles: Vec<Styles>,
    allowed: Vec<AllowList<'static>>,
    hash: Option<Arc<dyn KeyedHash + Send + Sync>>,
}

#[derive(Debug, Default)]
struct Styles {
    base: Style,
    /// The more specific an entry, the later.
    by_type: Vec<(Types, Style)>,
}

impl fmt::Debug for Masking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { types, styles, allowed, hash: _ } = self;
        f.debug_struct("Masking")
            .field("types", types)
            .field("styles", styles)
            .field("allowed", allowed)
            .finish_non_exhaustive()
    }
}

impl Masking {
    /// # Errors
    /// A word that no type, style or kind of entry is called, in its place.
    pub(crate) fn resolve(policy: &Policy) -> Result<Self, PolicyError> {
        let mut types: Vec<Types> = Vec::new();
        for (number, layer) in policy.layers().enumerate() {
            let lists = layer.mask_lists().iter().map(|list| {
                Types::parse(list.words()).map_err(|unknown| PolicyError {
                    layer: number,
                    ..list.error(unknown.to_string())
                })
            });
            let own = lists.collect::<Result<Vec<_>, _>>()?;
            types = match number {
                0 => own,
                _ => combine(&types, &own, Types::or),
            };
        }
        let styles = policy
            .style_lists()
            .iter()
            .map(|list| Styles::parse(list.words()).map_err(|error| list.error(error)));
        let allowed = policy.allow_lists().iter().map(|list| {
            let mut allowed = AllowList::growable();
            for entry in list.words() {
                allowed.add(entry).map_err(|error| list.error(error.to_string()))?;
            }
            Ok(allowed)
        });
        Ok(Self {
            types,
            styles: styles.collect::<Result<_, PolicyError>>()?,
            allowed: allowed.collect::<Result<_, PolicyError>>()?,
            hash: None,
        })
    }

    pub(crate) fn set_hash(&mut self, hash: Option<Arc<dyn KeyedHash + Send + Sync>>) {
        self.hash = hash;
    }

    pub(crate) const fn hash(&self) -> Option<&Arc<dyn KeyedHash + Send + Sync>> {
        self.hash.as_ref()
    }

    /// Refuses a policy whose hashes nobody could make.
    pub(crate) fn check_hash(&self, policy: &Policy) -> Result<(), PolicyError> {
        let unhashed = |styles: &Styles| {
            self.hash.is_none()
                && (styles.base == Style::Hash
                    || styles.by_type.iter().any(|&(_, style)| style == Style::Hash))
        };
        match self.styles.iter().zip(policy.style_lists()).find(|(styles, _)| unhashed(styles)) {
            Some((_, list)) => Err(list.error("the style `hash` needs a key, and none was given")),
            None => Ok(()),
        }
    }

    /// The redactor for one tool.
    pub(crate) fn redactor(&self, rules: &OutputPolicy) -> Option<Redactor<'_>> {
        let styles = self.styles.get(rules.style)?;
        let masks =
            Masks { style: styles.base, by_type: &styles.by_type, hash: self.hash.as_deref() };
        let redactor = Redactor::new(*self.types.get(rules.mask)?, styles.base);
        Some(redactor.with_masks(masks).with_allowed(self.allowed.get(rules.allow)?.view()))
    }
}

impl Styles {
    /// Reads `style` for all types and `type=style` for some.
    fn parse<'w>(words: impl Iterator<Item = &'w str>) -> Result<Self, alloc::string::String> {
        let mut base = Style::Default;
        let mut named = Vec::new();
        for word in words {
            let (name, style) = match word.split_once('=') {
                Some((name, style)) => (Some(name), style),
                None => (None, word),
            };
            let Some(style) = Style::parse(style) else {
                return Err(alloc::format!("no mask is called {style:?}"));
            };
            match name {
                Some(name) => {
                    let types = Types::parse([name]).map_err(|unknown| unknown.to_string())?;
                    named.push((name.len(), types, style));
                }
                None => base = style,
            }
        }
        named.sort_by_key(|&(len, _, _)| len);
        let by_type = named.into_iter().map(|(_, types, style)| (types, style)).collect();
        Ok(Self { base, by_type })
    }
}
