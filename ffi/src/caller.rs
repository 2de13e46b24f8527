//! Who calls: checked once, used for many calls.

use alloc::boxed::Box;
use alloc::vec::Vec;

use airlock_core::Caller;

use crate::boundary::{airlock_status, guarded, put, quietly, shared};
use crate::codes::Status;
use crate::text::airlock_str;

/// Who makes calls, as the host vouches for it; nothing here may come from the model. Immutable:
/// any number of threads may use one at once.
pub struct airlock_caller {
    /// The names, in memory that does not move; the slices below point into it.
    _text: Box<str>,
    agent: Option<&'static str>,
    tenant: Option<&'static str>,
    roles: Box<[&'static str]>,
}

impl airlock_caller {
    pub(crate) fn as_caller(&self) -> Caller<'_> {
        Caller { agent: self.agent, roles: &self.roles, tenant: self.tenant }
    }

    fn new(agent: Option<&str>, tenant: Option<&str>, roles: &[&str]) -> Self {
        let mut text = alloc::string::String::new();
        for part in agent.into_iter().chain(tenant).chain(roles.iter().copied()) {
            text.push_str(part);
        }
        let text = text.into_boxed_str();
        // SAFETY: the box is never written to or replaced, does not move its bytes when it moves, and is
        // dropped with the slices; `as_caller` hands them out for the life of the whole only.
        let mut rest: &'static str = unsafe { &*core::ptr::from_ref::<str>(&text) };
        let mut take = |part: &str| {
            let (taken, left) = rest.split_at_checked(part.len()).unwrap_or((rest, ""));
            rest = left;
            taken
        };
        let agent = agent.map(&mut take);
        let tenant = tenant.map(&mut take);
        let roles = roles.iter().map(|role| take(role)).collect();
        Self { _text: text, agent, tenant, roles }
    }
}

/// Makes a caller. `agent` and `tenant` may be absent; `roles` is an array of `roles_len` texts.
/// Everything is copied. Free it with `airlock_caller_free`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_caller_new(
    agent: airlock_str,
    tenant: airlock_str,
    roles: *const airlock_str,
    roles_len: usize,
    caller: *mut *mut airlock_caller,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `caller` to be null or to have room for a pointer.
        unsafe { put(caller, core::ptr::null_mut())? };
        // SAFETY: the header wants the texts to stay for the call.
        let (agent, tenant) = unsafe { (agent.optional()?, tenant.optional()?) };
        let mut names = Vec::new();
        if roles_len > 0 {
            // SAFETY: the header wants `roles` to be null or to point to `roles_len` texts; this looks
            // at the first.
            unsafe { shared(roles)? };
            if roles_len > isize::MAX as usize / size_of::<airlock_str>() {
                return Err(Status::INVALID_ARGUMENT);
            }
            for at in 0..roles_len {
                // SAFETY: `at` is below `roles_len`, and the texts stay for the call.
                names.push(unsafe { (*roles.add(at)).text()? });
            }
        }
        let made = Box::into_raw(Box::new(airlock_caller::new(agent, tenant, &names)));
        // SAFETY: as above.
        unsafe { put(caller, made) }
    })
}

/// Frees a caller; NULL is nothing. No call that uses it may be under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_caller_free(caller: *mut airlock_caller) {
    if !caller.is_null() {
        // SAFETY: the header wants what `airlock_caller_new` made, once.
        quietly(|| drop(unsafe { Box::from_raw(caller) }));
    }
}
