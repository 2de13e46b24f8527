//! The compiled policy and tools.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem::MaybeUninit;

#[cfg(feature = "std")]
use airlock::policy::PolicyFile;
use airlock_core::json::line_column;
use airlock_core::policy::{KillSwitch, Policy, PolicyError};
use airlock_core::{Budget, Documents, Guard, GuardBuilder};

use crate::boundary::{airlock_status, guarded, put, quietly, shared, versioned, view};
use crate::codes::Status;
use crate::error::{Fault, Report, airlock_error};
use crate::text::airlock_str;
use crate::tools::{Compile, Tools, documents};

/// `policy` is the name of a preset: `permissive`, `strict`, `read_only` or `business_hours`.
pub const AIRLOCK_POLICY_PRESET: u32 = 0;
/// `policy` is a document in JSON.
pub const AIRLOCK_POLICY_JSON: u32 = 1;
/// `policy` is a document in TOML; only in a library with `std`, else `AIRLOCK_UNSUPPORTED`.
pub const AIRLOCK_POLICY_TOML: u32 = 2;
/// `policy` is the path of a file that ends in `.toml` or `.json`; only in a library with `std`.
pub const AIRLOCK_POLICY_FILE: u32 = 3;

/// `format` in schemas is asserted, not only noted.
pub const AIRLOCK_ASSERT_FORMATS: u32 = 1;
/// A tool whose schema cannot be honoured does not fail the guard: its calls are refused with
/// `AIRLOCK_REASON_TOOL_UNSUPPORTED`.
pub const AIRLOCK_WITHHOLD_TOOLS: u32 = 2;
/// You count the limits of the policy yourself, from the charges in `airlock_details`. Without this
/// flag a policy that has limits is `AIRLOCK_UNSUPPORTED`, for a guard does not count.
pub const AIRLOCK_HOST_LIMITS: u32 = 4;

/// What a guard is made from. Set `struct_size`; zero is a good value for all the rest.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_guard_options {
    /// `sizeof(airlock_guard_options)`.
    pub struct_size: u32,
    /// `AIRLOCK_ASSERT_FORMATS` and the like, joined with `|`.
    pub flags: u32,
    /// The policy; absent is the preset `permissive`.
    pub policy: airlock_str,
    /// The tools in JSON: an array of `{"name", "inputSchema", "outputSchema"}`, or an object with
    /// such an array called `tools`, as MCP's `tools/list` returns it.
    pub tools: airlock_str,
    /// Documents that schemas refer to, in JSON: an object from URIs to schemas; absent is none.
    pub documents: airlock_str,
    /// What `policy` is: `AIRLOCK_POLICY_PRESET` and the like.
    pub policy_format: u32,
    /// Most steps of a validation; 0 is `AIRLOCK_MAX_STEPS`.
    pub max_steps: u32,
    /// Most bytes of arguments; 0 is `AIRLOCK_MAX_ARGUMENTS`.
    pub max_arguments: usize,
    /// Most bytes of an output; 0 is `AIRLOCK_MAX_OUTPUT`.
    pub max_output: usize,
    /// The key of the mask style `hash`, at least 16 bytes; only in a library with `std`.
    pub mask_key: airlock_str,
}

versioned!(airlock_guard_options, mask_key: airlock_str);

/// A compiled policy and compiled tools. Immutable: any number of threads may use one at once.
pub struct airlock_guard {
    pub(crate) guard: Arc<Guard>,
    pub(crate) tools: Tools,
    switch: KillSwitch,
    documents: Documents,
    compile: Compile,
}

const _: fn() = || {
    fn shareable<T: Send + Sync>() {}
    shareable::<airlock_guard>();
    shareable::<crate::caller::airlock_caller>();
};

/// Compiles a guard. On failure `*guard` is NULL and `error`, which may be NULL, says what is wrong
/// and where. Free it with `airlock_guard_free`. Any thread; starts none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_guard_new(
    options: *const airlock_guard_options,
    guard: *mut *mut airlock_guard,
    error: *mut airlock_error,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants each to be null or to have room for what it is.
        let report = unsafe {
            put(guard, core::ptr::null_mut())?;
            Report::new(error)?
        };
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants `options` to be null or as long as it says.
        let options = unsafe { view(options, &mut room) }
            .map_err(|status| report.plain(status, "the options are missing or malformed"))?;
        // SAFETY: the header wants the texts of the options to stay for the call.
        let made = unsafe { compile(options, &report)? };
        // SAFETY: as above.
        unsafe { put(guard, Box::into_raw(Box::new(made))) }
    })
}

unsafe fn compile(
    options: &airlock_guard_options,
    report: &Report,
) -> Result<airlock_guard, Status> {
    // SAFETY: the caller vouches for the texts.
    let texts = unsafe { Texts::of(options, AIRLOCK_HOST_LIMITS, report)? };
    let source = texts.policy.unwrap_or("");
    let misfit = |error: PolicyError| policy_fault(report, source, &error);
    let policy = match texts.policy {
        None => Policy::permissive(),
        Some(text) => read_policy(options.policy_format, text, report)?,
    };
    if options.flags & AIRLOCK_HOST_LIMITS == 0 && policy.limits().next().is_some() {
        let message =
            "the policy has limits, which a guard does not count: see AIRLOCK_HOST_LIMITS";
        return Err(report.plain(Status::UNSUPPORTED, message));
    }
    let Half { builder, tools, documents, compile } = Half::made(options, &texts, report)?;
    let switch = KillSwitch::new();
    let builder = builder.policy(policy).map_err(misfit)?.kill_switch(switch.clone());
    let guard = builder.build().map_err(misfit)?;
    guard.review(&tools.catalog).map_err(misfit)?;
    Ok(airlock_guard { guard: Arc::new(guard), tools, switch, documents, compile })
}

/// The texts of options.
pub(crate) struct Texts<'a> {
    pub policy: Option<&'a str>,
    tools: &'a [u8],
    documents: &'a [u8],
    key: &'a [u8],
}

impl<'a> Texts<'a> {
    /// Those of `options`, whose flags are `more` or those that all guards know.
    ///
    /// # Safety
    /// The texts stay for `'a`.
    pub(crate) unsafe fn of(
        options: &airlock_guard_options,
        more: u32,
        report: &Report,
    ) -> Result<Self, Status> {
        if options.flags & !(AIRLOCK_ASSERT_FORMATS | AIRLOCK_WITHHOLD_TOOLS | more) != 0 {
            return Err(report.plain(Status::INVALID_ARGUMENT, "a flag that is not known"));
        }
        let missing = |status| report.plain(status, "a text of the options is malformed");
        // SAFETY: the caller vouches for the texts.
        unsafe {
            Ok(Self {
                policy: options.policy.optional().map_err(missing)?,
                tools: options.tools.bytes().map_err(missing)?,
                documents: options.documents.bytes().map_err(missing)?,
                key: options.mask_key.bytes().map_err(missing)?,
            })
        }
    }
}

/// A guard but for its policy.
pub(crate) struct Half {
    pub builder: GuardBuilder,
    pub tools: Tools,
    documents: Documents,
    compile: Compile,
}

impl Half {
    pub(crate) fn made(
        options: &airlock_guard_options,
        texts: &Texts<'_>,
        report: &Report,
    ) -> Result<Self, Status> {
        let documents = documents(texts.documents, report)?;
        let compile = Compile {
            assert_formats: options.flags & AIRLOCK_ASSERT_FORMATS != 0,
            withhold: options.flags & AIRLOCK_WITHHOLD_TOOLS != 0,
        };
        let tools = Tools::read(texts.tools, &documents, compile, report)?;
        let mut budget = Budget::default();
        set(&mut budget.steps, options.max_steps);
        set(&mut budget.arguments.bytes, options.max_arguments);
        set(&mut budget.output.bytes, options.max_output);
        let builder = Guard::builder().documents(documents.clone()).budget(budget);
        let builder = with_key(builder, texts.key, report)?;
        Ok(Self { builder, tools, documents, compile })
    }
}

fn set<T: Default + PartialEq>(bound: &mut T, value: T) {
    if value != T::default() {
        *bound = value;
    }
}

#[cfg(feature = "std")]
fn with_key(builder: GuardBuilder, key: &[u8], report: &Report) -> Result<GuardBuilder, Status> {
    if key.is_empty() {
        return Ok(builder);
    }
    match airlock::mask::HmacSha256::new(key) {
        Some(hash) => Ok(builder.mask_hash(Arc::new(hash))),
        None => Err(report.plain(Status::INVALID_ARGUMENT, "a mask key has at least 16 bytes")),
    }
}

#[cfg(not(feature = "std"))]
fn with_key(builder: GuardBuilder, key: &[u8], report: &Report) -> Result<GuardBuilder, Status> {
    if key.is_empty() {
        return Ok(builder);
    }
    Err(report.plain(Status::UNSUPPORTED, "mask keys need the library with std"))
}

fn read_policy(format: u32, text: &str, report: &Report) -> Result<Policy, Status> {
    match format {
        AIRLOCK_POLICY_PRESET => {
            Policy::preset(text).map_err(|error| policy_fault(report, "", &error))
        }
        AIRLOCK_POLICY_JSON | AIRLOCK_POLICY_TOML | AIRLOCK_POLICY_FILE => {
            read_document(format, text, report)
        }
        _ => Err(report.plain(Status::INVALID_ARGUMENT, "a format of policies that is not known")),
    }
}

#[cfg(not(feature = "std"))]
fn read_document(format: u32, text: &str, report: &Report) -> Result<Policy, Status> {
    if format != AIRLOCK_POLICY_JSON {
        let message = "TOML and files need the library with std";
        return Err(report.plain(Status::UNSUPPORTED, message));
    }
    Policy::from_json(text).map_err(|error| policy_fault(report, text, &error))
}

#[cfg(feature = "std")]
fn read_document(format: u32, text: &str, report: &Report) -> Result<Policy, Status> {
    let opened = crate::firewall::open_policy(format, text);
    opened.map(PolicyFile::into_policy).map_err(|fault| fault.told(report))
}

/// The fault of a policy whose text is `source`.
fn policy_fault(report: &Report, source: &str, error: &PolicyError) -> Status {
    let place = if source.is_empty() {
        (0, 0)
    } else {
        line_column(source.as_bytes(), error.span.start as usize)
    };
    let hint = error.hint.as_deref().unwrap_or("");
    let gap = if hint.is_empty() { "" } else { " - " };
    report.fault(Fault {
        status: Status::POLICY_INVALID,
        place,
        message: format_args!("{}{gap}{hint}", error.message),
        pointer: format_args!("{}", error.path),
    })
}

/// Makes a guard that has the policy of `guard`, its kill switch included, and other tools: for a
/// server whose list of tools changed. `guard` stays as it is. Otherwise as `airlock_guard_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_guard_with_tools(
    guard: *const airlock_guard,
    tools: airlock_str,
    made: *mut *mut airlock_guard,
    error: *mut airlock_error,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants each to be null or to have room for what it is.
        let report = unsafe {
            put(made, core::ptr::null_mut())?;
            Report::new(error)?
        };
        // SAFETY: the header wants a guard or null, and the text to stay for the call.
        let (old, tools) = unsafe { (shared(guard)?, tools.bytes()?) };
        let airlock_guard { guard, switch, documents, compile, .. } = old;
        let tools = Tools::read(tools, documents, *compile, &report)?;
        guard.review(&tools.catalog).map_err(|error| policy_fault(&report, "", &error))?;
        let new = airlock_guard {
            guard: guard.clone(),
            tools,
            switch: switch.clone(),
            documents: documents.clone(),
            compile: *compile,
        };
        // SAFETY: as above.
        unsafe { put(made, Box::into_raw(Box::new(new))) }
    })
}

/// Looks up a tool: its id, from 1 on, is valid for this guard alone. `AIRLOCK_TOOL_UNKNOWN` when
/// there is none, and `*id` is then 0. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_tool_id(
    guard: *const airlock_guard,
    name: airlock_str,
    id: *mut u32,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `id` to be null or to have room for a number.
        unsafe { put(id, 0)? };
        // SAFETY: the header wants a guard or null, and the text to stay for the call.
        let (guard, name) = unsafe { (shared(guard)?, name.text()?) };
        let found = guard.tools.names.id(name).ok_or(Status::TOOL_UNKNOWN)?;
        // SAFETY: as above.
        unsafe { put(id, found) }
    })
}

/// The kill switch: while `on` is not 0, every call is refused with `AIRLOCK_REASON_HALTED`. It is
/// shared with the guards made by `airlock_guard_with_tools`. Any thread, at any time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_guard_halt(
    guard: *const airlock_guard,
    on: u32,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a guard or null.
        unsafe { shared(guard)? }.switch.set(on != 0);
        Ok(())
    })
}

/// Writes 1 to `*on` while the kill switch is on, else 0. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_guard_halted(
    guard: *const airlock_guard,
    on: *mut u32,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `on` to be null or to have room for a number.
        unsafe { put(on, 1)? };
        // SAFETY: the header wants a guard or null.
        let halted = unsafe { shared(guard)? }.switch.is_on();
        // SAFETY: as above.
        unsafe { put(on, u32::from(halted)) }
    })
}

/// Frees a guard; NULL is nothing. No call that uses it may be under way; streams and relays made
/// from it may live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_guard_free(guard: *mut airlock_guard) {
    if !guard.is_null() {
        // SAFETY: the header wants what one of the functions above made, once.
        quietly(|| drop(unsafe { Box::from_raw(guard) }));
    }
}
