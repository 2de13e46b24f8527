//! Everything together: a guard with clock, limits, sessions, kill switch and audit log.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::mem::MaybeUninit;
use std::path::Path;

use airlock::Firewall;
use airlock::firewall::FirewallError;
use airlock::policy::{Error as PolicyFileError, PolicyFile};
use airlock::reload::Live;
use airlock_core::Caller;

use crate::boundary::{Place, airlock_status, guarded, put, quietly, shared, versioned, view};
use crate::caller::airlock_caller;
use crate::codes::Status;
use crate::error::{Fault, Report, airlock_error};
use crate::guard::{
    AIRLOCK_POLICY_FILE, AIRLOCK_POLICY_JSON, AIRLOCK_POLICY_PRESET, AIRLOCK_POLICY_TOML, Half,
    Texts, airlock_guard_options,
};
use crate::text::airlock_str;
use crate::tools::Names;

/// What a firewall has besides what a guard has. Set `struct_size`; zero is a good value for all
/// the rest.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_firewall_options {
    /// `sizeof(airlock_firewall_options)`.
    pub struct_size: u32,
    /// Zero.
    pub flags: u32,
    /// The path of the audit log, in place of the one that the policy names; absent is that one.
    pub audit_path: airlock_str,
    /// The path of a file that halts every call while it exists; absent is none.
    pub kill_file: airlock_str,
    /// The path of a file that keeps the definitions of the tools of MCP servers, for the relays of the
    /// firewall: a tool whose definition changes is refused, as `[pins]` of the policy says; absent is
    /// none.
    pub pin_file: airlock_str,
}

versioned!(airlock_firewall_options, kill_file: airlock_str);

/// How many calls run, and how those that ended did. Set `struct_size` before you pass it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_calls {
    /// `sizeof(airlock_calls)`.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Permits that are not finished.
    pub running: u64,
    /// Finished with `AIRLOCK_OUTCOME_OK`.
    pub ok: u64,
    /// Finished with `AIRLOCK_OUTCOME_FAILED`.
    pub failed: u64,
    /// Finished with `AIRLOCK_OUTCOME_UNKNOWN`, or freed.
    pub unknown: u64,
    /// Refused.
    pub refused: u64,
}

versioned!(airlock_calls, refused: u64);

/// A guard, the clocks of the system, the limits and sessions of the policy, a kill switch and the audit
/// log.
/// Only in a library with `std`. Any number of threads may use one at once; one call of a function
/// waits for another only to count limits and to write the audit log.
pub struct airlock_firewall {
    pub(crate) live: Arc<Live>,
    pub(crate) names: Names,
    has_kill_file: bool,
}

const _: fn() = || {
    fn shareable<T: Send + Sync>() {}
    shareable::<airlock_firewall>();
};

/// Makes a firewall. `guard` says which policy, tools and bounds, as for `airlock_guard_new`, but
/// that a firewall counts limits itself: `AIRLOCK_HOST_LIMITS` is not for it. `options` and `error`
/// may be NULL. On failure `*firewall` is NULL and `error` says what is wrong and where:
/// `AIRLOCK_AUDIT_FAILED` when the policy wants an audit log and none is named, or it cannot be
/// opened. A relative path of an audit log in a policy file begins at the directory of that file.
/// Free it with `airlock_firewall_free`. Any thread.
///
/// It starts no thread, but that a policy with `mode = "async"` in `[audit]` has one that writes the
/// log: the first record starts it, and `airlock_firewall_audit_close` or `airlock_firewall_free`
/// ends it. After a fork it exists in the parent alone: make firewalls with such a policy after
/// forking.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_new(
    guard: *const airlock_guard_options,
    options: *const airlock_firewall_options,
    firewall: *mut *mut airlock_firewall,
    error: *mut airlock_error,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants each to be null or to have room for what it is.
        let report = unsafe {
            put(firewall, core::ptr::null_mut())?;
            Report::new(error)?
        };
        let malformed = |status| report.plain(status, "the options are missing or malformed");
        let (mut room, mut more) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let none = airlock_firewall_options {
            struct_size: size_of::<airlock_firewall_options>() as u32,
            flags: 0,
            audit_path: airlock_str::NONE,
            kill_file: airlock_str::NONE,
            pin_file: airlock_str::NONE,
        };
        // SAFETY: the header wants both to be null, or as long as they say and their texts to stay.
        let (guard, options) = unsafe {
            let options = if options.is_null() { &raw const none } else { options };
            let guard = view(guard, &mut room).map_err(malformed)?;
            (guard, view(options, &mut more).map_err(malformed)?)
        };
        // SAFETY: as above.
        let made = unsafe { make(guard, options, &report)? };
        // SAFETY: as above.
        unsafe { put(firewall, Box::into_raw(Box::new(made))) }
    })
}

/// # Safety
/// The texts stay for the call.
unsafe fn make(
    guard: &airlock_guard_options,
    options: &airlock_firewall_options,
    report: &Report,
) -> Result<airlock_firewall, Status> {
    let malformed = |status| report.plain(status, "a text of the options is malformed");
    if options.flags != 0 {
        return Err(report.plain(Status::INVALID_ARGUMENT, "a flag that is not known"));
    }
    // SAFETY: the caller vouches for the texts.
    let (texts, audit_path, kill_file, pin_file) = unsafe {
        let audit_path = options.audit_path.optional().map_err(malformed)?;
        let kill_file = options.kill_file.optional().map_err(malformed)?;
        let pin_file = options.pin_file.optional().map_err(malformed)?;
        (Texts::of(guard, 0, report)?, audit_path, kill_file, pin_file)
    };
    let policy = match texts.policy {
        None => open_policy(AIRLOCK_POLICY_PRESET, "permissive"),
        Some(text) => open_policy(guard.policy_format, text),
    };
    let policy = policy.map_err(|fault| fault.told(report))?;
    let half = Half::made(guard, &texts, report)?;
    let mut builder =
        Firewall::builder().guard(half.builder.catalog(half.tools.catalog)).policy(policy);
    if let Some(path) = audit_path {
        builder = builder.audit_file(Path::new(path));
    }
    if let Some(path) = kill_file {
        builder = builder.kill_file(Path::new(path));
    }
    if let Some(path) = pin_file {
        builder = builder.pin_file(Path::new(path));
    }
    let firewall = builder.build().map_err(|error| Unmade::from(error).told(report))?;
    let live = Arc::new(Live::new(firewall));
    Ok(airlock_firewall { live, names: half.tools.names, has_kill_file: kill_file.is_some() })
}

/// Why there is no firewall or no policy.
pub(crate) enum Unmade {
    Firewall(FirewallError),
    Plain(Status, &'static str),
}

impl From<FirewallError> for Unmade {
    fn from(error: FirewallError) -> Self {
        Self::Firewall(error)
    }
}

impl fmt::Display for Unmade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firewall(FirewallError::NoAudit) => {
                f.write_str("the policy needs an audit log: name one in [audit] or in `audit_path`")
            }
            Self::Firewall(error) => error.fmt(f),
            Self::Plain(_, message) => f.write_str(message),
        }
    }
}

impl Unmade {
    pub(crate) fn told(&self, report: &Report) -> Status {
        let status = match self {
            Self::Firewall(FirewallError::Guard(why) | FirewallError::Policy(why)) => {
                return policy_fault(report, why);
            }
            Self::Firewall(FirewallError::Audit(_) | FirewallError::NoAudit) => {
                Status::AUDIT_FAILED
            }
            Self::Firewall(_) => Status::POLICY_INVALID,
            Self::Plain(status, _) => *status,
        };
        let (message, pointer) = (format_args!("{self}"), format_args!(""));
        report.fault(Fault { status, place: (0, 0), message, pointer })
    }
}

/// Opens a policy of the `format`.
pub(crate) fn open_policy(format: u32, text: &str) -> Result<PolicyFile, Unmade> {
    let opened = match format {
        AIRLOCK_POLICY_JSON => PolicyFile::parse("policy.json", text),
        AIRLOCK_POLICY_TOML => PolicyFile::parse("policy.toml", text),
        AIRLOCK_POLICY_PRESET if airlock::policy::Policy::preset(text).is_ok() => {
            PolicyFile::open(text)
        }
        AIRLOCK_POLICY_PRESET => {
            return Err(Unmade::Plain(Status::POLICY_INVALID, "there is no preset of this name"));
        }
        // The name of a preset is no path.
        AIRLOCK_POLICY_FILE if Path::new(text).is_absolute() => PolicyFile::open(text),
        AIRLOCK_POLICY_FILE => PolicyFile::open(&String::from_iter(["./", text])),
        _ => {
            let message = "a format of policies that is not known";
            return Err(Unmade::Plain(Status::INVALID_ARGUMENT, message));
        }
    };
    opened.map_err(|error| FirewallError::Policy(error).into())
}

fn policy_fault(report: &Report, error: &PolicyFileError) -> Status {
    let status = Status::POLICY_INVALID;
    let Some(finding) = error.finding() else {
        let (message, pointer) = (format_args!("{error}"), format_args!(""));
        return report.fault(Fault { status, place: (0, 0), message, pointer });
    };
    let number = |number: usize| u32::try_from(number).unwrap_or(0);
    let hint = finding.hint.as_deref().unwrap_or("");
    let gap = if hint.is_empty() { "" } else { " - " };
    report.fault(Fault {
        status,
        place: (number(finding.line), number(finding.column)),
        message: format_args!("{}{gap}{hint}", finding.message),
        pointer: format_args!("{}", finding.path),
    })
}

/// Puts another policy in force in place of the one that is, for every call and message that comes after;
/// what has begun ends under the old one. `policy` and `format` are as in `airlock_guard_options`. Tools, audit
/// log, kill switch and pin file stay, what limits have counted stays counted, and sessions remember. When
/// the policy cannot be honoured by this firewall, nothing changes and `error`, which may be NULL, says why;
/// the audit log has either. Any thread; calls that go on meanwhile do not wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_reload(
    firewall: *const airlock_firewall,
    policy: airlock_str,
    format: u32,
    error: *mut airlock_error,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `error` to be null or as long as it says.
        let report = unsafe { Report::new(error)? };
        let malformed = |status| report.plain(status, "the firewall or the policy is missing");
        // SAFETY: the header wants a firewall or null, and the text to stay for the call.
        let (firewall, policy) = unsafe {
            let firewall = shared(firewall).map_err(malformed)?;
            (firewall, policy.optional().map_err(malformed)?)
        };
        let policy = policy.ok_or(Status::INVALID_ARGUMENT).map_err(malformed)?;
        let opened = firewall.live.reload_with(|| open_policy(format, policy));
        opened.map_err(|fault| fault.told(&report))
    })
}

/// Ends the session of a caller that calls name as `session` in `airlock_call`: what it remembers is
/// forgotten, and the next call that names it begins another. One that nobody ends is over when it was idle
/// for as long as `[session]` of the policy says. `caller` may be NULL. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_end_session(
    firewall: *const airlock_firewall,
    caller: *const airlock_caller,
    session: airlock_str,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a firewall, a caller or null, and the text to stay for the call.
        let (firewall, caller, session) = unsafe {
            let caller = match caller.is_null() {
                true => Caller::default(),
                false => shared(caller)?.as_caller(),
            };
            (shared(firewall)?, caller, session.optional()?)
        };
        let session = session.ok_or(Status::INVALID_ARGUMENT)?;
        firewall.live.load().end_session(&caller, session);
        Ok(())
    })
}

/// Looks up a tool, as `airlock_tool_id` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_tool_id(
    firewall: *const airlock_firewall,
    name: airlock_str,
    id: *mut u32,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `id` to be null or to have room for a number.
        unsafe { put(id, 0)? };
        // SAFETY: the header wants a firewall or null, and the text to stay for the call.
        let (firewall, name) = unsafe { (shared(firewall)?, name.text()?) };
        let found = firewall.names.id(name).ok_or(Status::TOOL_UNKNOWN)?;
        // SAFETY: as above.
        unsafe { put(id, found) }
    })
}

/// The kill switch: while `on` is not 0, every call is refused with `AIRLOCK_REASON_HALTED`.
/// `AIRLOCK_UNSUPPORTED` for a firewall with a kill file, which alone turns the switch. Any thread,
/// at any time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_halt(
    firewall: *const airlock_firewall,
    on: u32,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a firewall or null.
        let firewall = unsafe { shared(firewall)? };
        if firewall.has_kill_file {
            return Err(Status::UNSUPPORTED);
        }
        firewall.live.load().kill_switch().set(on != 0);
        Ok(())
    })
}

/// Writes 1 to `*on` while the kill switch is on, else 0; with a kill file, as the last call found
/// it. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_halted(
    firewall: *const airlock_firewall,
    on: *mut u32,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `on` to be null or to have room for a number.
        unsafe { put(on, 1)? };
        // SAFETY: the header wants a firewall or null.
        let halted = unsafe { shared(firewall)? }.live.load().kill_switch().is_on();
        // SAFETY: as above.
        unsafe { put(on, u32::from(halted)) }
    })
}

/// How many calls run and ran; the numbers are read one after the other, while calls go on. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_calls(
    firewall: *const airlock_firewall,
    calls: *mut airlock_calls,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a firewall or null, and `calls` to be null or as long as it says.
        let (place, firewall) = unsafe { (Place::new(calls)?, shared(firewall)?) };
        let airlock::firewall::Calls { running, ok, failed, unknown, refused } =
            firewall.live.load().calls();
        let reserved = 0;
        let struct_size = 0;
        place.set(&airlock_calls { struct_size, reserved, running, ok, failed, unknown, refused });
        Ok(())
    })
}

/// Waits until what was recorded in the audit log before is with the operating system;
/// `AIRLOCK_AUDIT_FAILED` when something of it is not, or the log is closed. With the mode `sync`,
/// the default, every record is there before its decision is returned. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_audit_flush(
    firewall: *const airlock_firewall,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a firewall or null.
        let firewall = unsafe { shared(firewall)? };
        firewall.live.load().audit().flush().map_err(|_| Status::AUDIT_FAILED)
    })
}

/// Opens the audit log anew, because another program has renamed it. What cannot be opened stays as
/// it is, and the standard error stream says so. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_audit_reopen(
    firewall: *const airlock_firewall,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a firewall or null.
        unsafe { shared(firewall)? }.live.load().audit().reopen();
        Ok(())
    })
}

/// Writes what is still to be written to the audit log, and that this was all. Calls and outputs
/// after it are refused. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_audit_close(
    firewall: *const airlock_firewall,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a firewall or null.
        unsafe { shared(firewall)? }.live.load().audit().close();
        Ok(())
    })
}

/// Frees a firewall, and closes its audit log when it has no relay any more; NULL is nothing. No call
/// that uses it may be under way; permits and relays may live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_free(firewall: *mut airlock_firewall) {
    if !firewall.is_null() {
        // SAFETY: the header wants what `airlock_firewall_new` made, once.
        quietly(|| drop(unsafe { Box::from_raw(firewall) }));
    }
}
