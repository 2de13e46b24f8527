//! What threads share with each other, by numbers that they can post.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What threads may adopt. An entry does not keep what it names.
pub struct Shares<T>(Mutex<Book<T>>);

struct Book<T> {
    shared: BTreeMap<u32, Weak<T>>,
    last: u32,
}

impl<T> Shares<T> {
    pub const fn new() -> Self {
        Self(Mutex::new(Book { shared: BTreeMap::new(), last: 0 }))
    }

    /// The number of `value`, always the same while somebody holds it.
    pub fn number(&self, value: &Arc<T>) -> u32 {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.shared.retain(|_, it| it.strong_count() > 0);
        if let Some((&number, _)) =
            book.shared.iter().find(|(_, it)| it.as_ptr() == Arc::as_ptr(value))
        {
            return number;
        }
        book.last = book.last.wrapping_add(1);
        let number = book.last;
        book.shared.insert(number, Arc::downgrade(value));
        number
    }

    /// What has this number, if anybody holds it still.
    pub fn find(&self, number: u32) -> Option<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).shared.get(&number)?.upgrade()
    }
}
