//! Everything together: a guard with clock, limits, kill switch and audit log.

use alloc::boxed::Box;
use alloc::string::String;
use core::mem::MaybeUninit;
use std::path::Path;

use airlock::Firewall;
use airlock::firewall::FirewallError;
use airlock::policy::{Error as PolicyFileError, PolicyFile};

use crate::boundary::{Place, airlock_status, guarded, put, quietly, shared, versioned, view};
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

/// A guard, the clocks of the system, the limits of the policy, a kill switch and the audit log.
/// Only in a library with `std`. Any number of threads may use one at once; one call of a function
/// waits for another only to count limits and to write the audit log.
pub struct airlock_firewall {
    pub(crate) firewall: Firewall,
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
    let (texts, audit_path, kill_file) = unsafe {
        let audit_path = options.audit_path.optional().map_err(malformed)?;
        let kill_file = options.kill_file.optional().map_err(malformed)?;
        (Texts::of(guard, 0, report)?, audit_path, kill_file)
    };
    let policy = match texts.policy {
        None => open_policy(AIRLOCK_POLICY_PRESET, "permissive", report)?,
        Some(text) => open_policy(guard.policy_format, text, report)?,
    };
    let half = Half::made(guard, &texts, report)?;
    let mut builder =
        Firewall::builder().guard(half.builder.catalog(half.tools.catalog)).policy(policy);
    if let Some(path) = audit_path {
        builder = builder.audit_file(Path::new(path));
    }
    if let Some(path) = kill_file {
        builder = builder.kill_file(Path::new(path));
    }
    let firewall = builder.build().map_err(|error| match &error {
        FirewallError::Audit(why) => audit_fault(report, why),
        FirewallError::NoAudit => audit_fault(
            report,
            &"the policy needs an audit log: name one in [audit] or in `audit_path`",
        ),
        FirewallError::Guard(why) | FirewallError::Policy(why) => policy_fault(report, why),
        other => report.fault(Fault {
            status: Status::POLICY_INVALID,
            place: (0, 0),
            message: format_args!("{other}"),
            pointer: format_args!(""),
        }),
    })?;
    Ok(airlock_firewall { firewall, names: half.tools.names, has_kill_file: kill_file.is_some() })
}

/// Opens a policy of the `format`.
pub(crate) fn open_policy(format: u32, text: &str, report: &Report) -> Result<PolicyFile, Status> {
    let opened = match format {
        AIRLOCK_POLICY_JSON => PolicyFile::parse("policy.json", text),
        AIRLOCK_POLICY_TOML => PolicyFile::parse("policy.toml", text),
        AIRLOCK_POLICY_PRESET if airlock::policy::Policy::preset(text).is_ok() => {
            PolicyFile::open(text)
        }
        AIRLOCK_POLICY_PRESET => {
            return Err(report.plain(Status::POLICY_INVALID, "there is no preset of this name"));
        }
        // The name of a preset is no path.
        AIRLOCK_POLICY_FILE if Path::new(text).is_absolute() => PolicyFile::open(text),
        AIRLOCK_POLICY_FILE => PolicyFile::open(&String::from_iter(["./", text])),
        _ => {
            let message = "a format of policies that is not known";
            return Err(report.plain(Status::INVALID_ARGUMENT, message));
        }
    };
    opened.map_err(|error| policy_fault(report, &error))
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

fn audit_fault(report: &Report, why: &impl core::fmt::Display) -> Status {
    let (message, pointer) = (format_args!("{why}"), format_args!(""));
    report.fault(Fault { status: Status::AUDIT_FAILED, place: (0, 0), message, pointer })
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
        firewall.firewall.kill_switch().set(on != 0);
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
        let halted = unsafe { shared(firewall)? }.firewall.kill_switch().is_on();
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
            firewall.firewall.calls();
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
        firewall.firewall.audit().flush().map_err(|_| Status::AUDIT_FAILED)
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
        unsafe { shared(firewall)? }.firewall.audit().reopen();
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
        unsafe { shared(firewall)? }.firewall.audit().close();
        Ok(())
    })
}

/// Closes the audit log and frees a firewall; NULL is nothing. No call that uses it may be under
/// way; permits may live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_free(firewall: *mut airlock_firewall) {
    if !firewall.is_null() {
        // SAFETY: the header wants what `airlock_firewall_new` made, once.
        quietly(|| drop(unsafe { Box::from_raw(firewall) }));
    }
}
