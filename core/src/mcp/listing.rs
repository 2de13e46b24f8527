//! The tools that the server declares.
//!
//! A catalog is learned from `tools/list`, the client's or our own, page by page, and replaced whole
//! when the last page has come. Until a first list is complete, after `list_changed`, and once for a
//! name that the list does not hold, a call waits for a list of our own. The bounds of a list are those
//! of the constants below; a list that exceeds one is not learned and not shown.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::cleanse::{Cleansed, cleanse};
use super::event::{Audit, Direction, Event, Outcome};
use super::gate;
use super::watch::{Judged, Watch};
use crate::caller::Caller;
use crate::catalog::{Catalog, CatalogBuilder};
use crate::guard::Guard;
use crate::json::{Kind, Value};
use crate::pins::{Definition, KeepPins};
use crate::reason::Reason;

const MAX_PAGES: u32 = 64;
const MAX_TOOLS: usize = 2048;
const MAX_BYTES: usize = 8 << 20;
const MAX_SCHEMA: usize = 256 << 10;
const MAX_CURSOR: usize = 64 << 10;
/// What protocol 2026-07-28 wants repeated in every request.
const META: &str = "io.modelcontextprotocol/";

/// What is known of the server's tools, and the lists that are under way.
#[derive(Debug)]
pub(super) struct Tools {
    catalog: Arc<Catalog>,
    /// Counts the server's announcements that its list changed.
    epoch: u64,
    /// The epoch in which the catalog's list began; none before the first list.
    known: Option<u64>,
    /// The epoch in which our own list was last complete.
    tried: Option<u64>,
    own: Own,
    /// The list that the client reads, and its number.
    client: Option<(u64, Listing)>,
    lists: u64,
    /// The text that our own ids begin with.
    prefix: Box<str>,
    watch: Watch,
}

#[derive(Debug)]
enum Own {
    Idle,
    Running(Box<Running>),
    /// It was tried for the call that waits; that call decides with what there is now.
    Over,
}

#[derive(Debug)]
struct Running {
    listing: Listing,
    /// Canonical id of the request that waits.
    id: Vec<u8>,
    /// A request that is not sent yet.
    request: Option<Vec<u8>>,
    /// The members of `_meta` to repeat, as JSON text.
    meta: Vec<u8>,
}

impl Tools {
    pub(super) fn new(nonce: &str) -> Self {
        let prefix: String = nonce.chars().filter(char::is_ascii_alphanumeric).collect();
        Self {
            catalog: Arc::default(),
            epoch: 0,
            known: None,
            tried: None,
            own: Own::Idle,
            client: None,
            lists: 0,
            prefix: format!("airlock:{prefix}:").into(),
            watch: Watch::default(),
        }
    }

    pub(super) fn keep_pins(&mut self, pins: Arc<dyn KeepPins + Send + Sync>) {
        self.watch.keep_pins(pins);
    }

    pub(super) const fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The catalog, when no change was announced since its list began.
    pub(super) fn current(&self) -> Option<&Arc<Catalog>> {
        (self.known == Some(self.epoch)).then_some(&self.catalog)
    }

    /// Takes over a catalog that another connection has learned.
    pub(super) fn adopt(&mut self, catalog: Arc<Catalog>) {
        self.catalog = catalog;
        self.known = Some(self.epoch);
    }

    /// The server says that its list changed.
    pub(super) const fn changed(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
    }

    /// Whether a call of `tool` must wait for our own list.
    pub(super) fn must_list(&mut self, tool: &str) -> bool {
        match self.own {
            Own::Running(_) => true,
            Own::Over => {
                self.own = Own::Idle;
                false
            }
            Own::Idle => {
                self.known != Some(self.epoch)
                    || (self.tried != Some(self.epoch) && !self.catalog.contains(tool))
            }
        }
    }

    /// Begins our own list, unless it is under way; `meta` is that of the call that needs it.
    pub(super) fn list(&mut self, guard: &Guard, meta: Option<Value<'_>>) {
        if self.is_listing() {
            return;
        }
        let mut copied = Vec::new();
        for (key, value) in meta.into_iter().flat_map(Value::members) {
            if key.chars().take(META.len()).eq(META.chars()) {
                if !copied.is_empty() {
                    copied.push(b',');
                }
                copied.push(b'"');
                copied.extend_from_slice(key.raw());
                copied.extend_from_slice(b"\":");
                copied.extend_from_slice(value.raw());
            }
        }
        let mut running = Box::new(Running {
            listing: Listing::new(guard, self.epoch),
            id: Vec::new(),
            request: None,
            meta: copied,
        });
        self.lists = self.lists.saturating_add(1);
        running.ask(&self.prefix, self.lists, None);
        self.own = Own::Running(running);
    }

    pub(super) const fn is_listing(&self) -> bool {
        matches!(self.own, Own::Running(_))
    }

    pub(super) fn take_request(&mut self) -> Option<Vec<u8>> {
        match &mut self.own {
            Own::Running(running) => running.request.take(),
            _ => None,
        }
    }

    /// Our own list is not to be had: an older one stands.
    pub(super) fn abandon(&mut self) {
        if self.is_listing() {
            self.own = Own::Over;
            self.known = self.known.map(|_| self.epoch);
        }
    }

    /// Whether a canonical id has the form of ours, also of one that was given up.
    pub(super) fn is_own(&self, id: &[u8]) -> bool {
        id.strip_prefix(b"\"").is_some_and(|id| id.starts_with(self.prefix.as_bytes()))
    }

    /// The answer to a request of ours; no result when it was an error.
    pub(super) fn own_answer(
        &mut self,
        id: &[u8],
        result: Option<Value<'_>>,
        guard: &Guard,
        caller: &Caller<'_>,
        audit: &mut dyn Audit,
    ) {
        let running = match &mut self.own {
            Own::Running(running) if running.id == id => running,
            _ => return,
        };
        let page = result
            .ok_or("the server has no list")
            .and_then(|result| running.listing.page(result, guard, caller, &mut self.watch, audit));
        match page {
            Ok(Page { next: Some(cursor), .. }) => {
                self.lists = self.lists.saturating_add(1);
                running.ask(&self.prefix, self.lists, Some(&cursor));
            }
            Ok(Page { next: None, .. }) => {
                let Own::Running(running) = mem::replace(&mut self.own, Own::Over) else {
                    return;
                };
                self.tried = Some(running.listing.epoch);
                self.learn(running.listing);
            }
            Err(why) => {
                let outcome = Outcome::Dropped(why);
                let _ = audit.record(&Event::new(Direction::ToClient, outcome));
                self.abandon();
            }
        }
    }

    /// The client asks for a page of tools. The number of the list that its reply belongs to; none when
    /// it continues no list that is being learned.
    pub(super) fn client_lists(&mut self, guard: &Guard, cursor: Option<Value<'_>>) -> Option<u64> {
        let Some(cursor) = cursor.filter(|cursor| cursor.kind() != Kind::Null) else {
            self.lists = self.lists.saturating_add(1);
            self.client = Some((self.lists, Listing::new(guard, self.epoch)));
            return Some(self.lists);
        };
        let (list, listing) = self.client.as_mut()?;
        let expected = listing.cursor.take()?;
        let cursor = cursor.as_str()?;
        cursor.is(&expected).then_some(*list)
    }

    /// The reply to a request of the client for a page.
    ///
    /// # Errors
    /// Why it cannot be shown.
    pub(super) fn client_page(
        &mut self,
        list: Option<u64>,
        result: Value<'_>,
        guard: &Guard,
        caller: &Caller<'_>,
        audit: &mut dyn Audit,
    ) -> Result<Option<Vec<u8>>, &'static str> {
        let learned = self.client.take_if(|(number, _)| Some(*number) == list);
        let Some((number, mut listing)) = learned else {
            let mut page = Listing::new(guard, self.epoch);
            let page = page.page(result, guard, caller, &mut self.watch, audit)?;
            return Ok(page.tools);
        };
        let page = listing.page(result, guard, caller, &mut self.watch, audit)?;
        match page.next {
            Some(cursor) => {
                listing.cursor = Some(cursor);
                self.client = Some((number, listing));
            }
            None => self.learn(listing),
        }
        Ok(page.tools)
    }

    fn learn(&mut self, listing: Listing) {
        self.known = Some(listing.epoch);
        self.catalog = Arc::new(listing.builder.build());
    }
}

impl Running {
    /// Makes the request for the page at `cursor`.
    fn ask(&mut self, prefix: &str, number: u64, cursor: Option<&[u8]>) {
        let id = format!("{prefix}{number}");
        self.id = [b"\"", id.as_bytes()].concat();
        let mut request = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":\"{id}\",\"method\":\"tools/list\",\"params\":{{"
        )
        .into_bytes();
        if let Some(cursor) = cursor {
            request.extend_from_slice(b"\"cursor\":");
            super::edit::push_literal(cursor, &mut request);
        }
        if !self.meta.is_empty() {
            if cursor.is_some() {
                request.push(b',');
            }
            request.extend_from_slice(b"\"_meta\":{");
            request.extend_from_slice(&self.meta);
            request.push(b'}');
        }
        request.extend_from_slice(b"}}");
        self.request = Some(request);
    }
}

/// A list that is being read.
#[derive(Debug)]
struct Listing {
    builder: CatalogBuilder,
    names: BTreeSet<Box<str>>,
    pages: u32,
    bytes: usize,
    /// The epoch in which it began: a change after that makes it stale.
    epoch: u64,
    /// Where the next page is, escapes undone.
    cursor: Option<Vec<u8>>,
}

/// One page of tools.
#[derive(Debug)]
struct Page {
    /// The array to show, when a tool is left out.
    tools: Option<Vec<u8>>,
    /// Where the next page is.
    next: Option<Vec<u8>>,
}

/// A tool of a page.
struct Entry<'t> {
    tool: Value<'t>,
    name: String,
    fate: Fate,
    /// What is shown of it, when something was taken out.
    stripped: Option<Vec<u8>>,
}

/// What becomes of a tool in a list.
enum Fate {
    /// It is not the one that was approved, which the audit knows.
    Changed,
    Shown,
    /// The policy hides it.
    Hidden,
    /// It cannot be guarded.
    Withheld(String),
}

impl Listing {
    fn new(guard: &Guard, epoch: u64) -> Self {
        Self {
            builder: gate::learner(guard),
            names: BTreeSet::new(),
            pages: 0,
            bytes: 0,
            epoch,
            cursor: None,
        }
    }

    fn page(
        &mut self,
        result: Value<'_>,
        guard: &Guard,
        caller: &Caller<'_>,
        watch: &mut Watch,
        audit: &mut dyn Audit,
    ) -> Result<Page, &'static str> {
        let tools = result.get("tools").filter(|tools| tools.kind() == Kind::Array);
        let tools = tools.ok_or("the tool list is no list")?;
        self.pages = self.pages.saturating_add(1);
        self.bytes = self.bytes.saturating_add(tools.raw().len());
        if self.pages > MAX_PAGES
            || self.bytes > MAX_BYTES
            || self.names.len().saturating_add(tools.len()) > MAX_TOOLS
        {
            return Err("the tool list is too long");
        }
        let next = match result.get("nextCursor") {
            None => None,
            Some(cursor) if cursor.kind() == Kind::Null => None,
            Some(cursor) if cursor.raw().len() > MAX_CURSOR => {
                return Err("the cursor is too long");
            }
            Some(cursor) => Some(cursor.as_str().ok_or("the cursor is no string")?),
        };
        let mut entries: Vec<Entry<'_>> = Vec::with_capacity(tools.len());
        for tool in tools.elements() {
            let mut name = String::new();
            let fate = self.tool(tool, &mut name, guard, caller, audit);
            entries.push(Entry { tool, name, fate, stripped: None });
        }
        self.cleanse(&mut entries, guard, watch, audit);
        self.judge(&mut entries, guard, watch, audit);
        let mut shown = Vec::with_capacity(tools.raw().len());
        let mut complete = true;
        for Entry { tool, name, fate, stripped } in &entries {
            match fate {
                Fate::Shown => {
                    shown.push(if shown.is_empty() { b'[' } else { b',' });
                    shown.extend_from_slice(stripped.as_deref().unwrap_or(tool.raw()));
                    complete &= stripped.is_none();
                }
                Fate::Changed | Fate::Hidden => complete = false,
                Fate::Withheld(why) => {
                    complete = false;
                    let outcome = Outcome::Withheld(why);
                    let event =
                        Event { tool: Some(name), ..Event::new(Direction::ToClient, outcome) };
                    let _ = audit.record(&event);
                }
            }
        }
        if shown.is_empty() {
            shown.push(b'[');
        }
        shown.push(b']');
        Ok(Page {
            tools: (!complete).then_some(shown),
            next: next.map(|cursor| cursor.bytes().collect()),
        })
    }

    /// Takes hidden text out of the tools that calls could reach.
    fn cleanse(
        &mut self,
        entries: &mut [Entry<'_>],
        guard: &Guard,
        watch: &mut Watch,
        audit: &mut dyn Audit,
    ) {
        let hiding = guard.policy().settings().definitions;
        for entry in entries.iter_mut().filter(|one| matches!(one.fate, Fate::Shown | Fate::Hidden))
        {
            match cleanse(entry.tool, hiding) {
                Cleansed::Clean => {}
                Cleansed::Found(hidden, stripped) => {
                    watch.tell_hidden(entry.tool, &entry.name, hidden, stripped.is_some(), audit);
                    entry.stripped = stripped;
                }
                Cleansed::Refused(why) => {
                    self.builder.withhold(&entry.name, Reason::ToolUnsupported);
                    entry.fate = Fate::Withheld(why);
                }
            }
        }
    }

    /// Holds the tools that calls could reach against their pins.
    fn judge(
        &mut self,
        entries: &mut [Entry<'_>],
        guard: &Guard,
        watch: &mut Watch,
        audit: &mut dyn Audit,
    ) {
        if !watch.is_on(guard) {
            return;
        }
        let mut definitions = Vec::with_capacity(entries.len());
        let mut judged: Vec<&mut Entry<'_>> = Vec::with_capacity(entries.len());
        for entry in entries.iter_mut() {
            if !matches!(entry.fate, Fate::Shown | Fate::Hidden) {
                continue;
            }
            match Definition::of(entry.tool) {
                Ok(definition) => {
                    definitions.push(definition);
                    judged.push(entry);
                }
                Err(why) => {
                    self.builder.withhold(&entry.name, Reason::ToolChanged);
                    entry.fate = Fate::Withheld(format!("{why}"));
                }
            }
        }
        let verdicts = watch.judge(&definitions, guard, audit);
        for (entry, verdict) in judged.into_iter().zip(verdicts) {
            if verdict == Judged::Refused {
                self.builder.withhold(&entry.name, Reason::ToolChanged);
                entry.fate = Fate::Changed;
            }
        }
    }

    /// Compiles `tool` and writes its name into `name`.
    fn tool(
        &mut self,
        tool: Value<'_>,
        name: &mut String,
        guard: &Guard,
        caller: &Caller<'_>,
        audit: &mut dyn Audit,
    ) -> Fate {
        let Some(text) = tool.get("name").and_then(Value::as_str) else {
            return Fate::Withheld("it has no name".into());
        };
        name.extend(text.chars().take(1024));
        if !gate::admits_spelling(guard, name) {
            return Fate::Withheld("its name is not spelt as MCP allows".into());
        }
        if !self.names.insert(name.as_str().into()) {
            return Fate::Withheld("another tool has its name".into());
        }
        let input = tool.get("inputSchema").map_or(&b""[..], schema_text);
        let output = tool.get("outputSchema").map(schema_text);
        match gate::learn(guard, &mut self.builder, name, input, output) {
            Err(error) => Fate::Withheld(format!("{} (at {:?})", error.message, error.path)),
            Ok(warnings) => {
                for warning in &warnings {
                    let outcome = Outcome::Warned(warning);
                    let tool = Some(&**name);
                    let event = Event { tool, ..Event::new(Direction::ToClient, outcome) };
                    let _ = audit.record(&event);
                }
                if gate::hides(guard, name, caller) { Fate::Hidden } else { Fate::Shown }
            }
        }
    }
}

/// A schema that is missing or too large is compiled as nothing, which fails: its tool is known, and
/// the calls are refused, or masked outputs not shown as structured.
fn schema_text(schema: Value<'_>) -> &[u8] {
    let raw = schema.raw();
    if raw.len() > MAX_SCHEMA { b"" } else { raw }
}
