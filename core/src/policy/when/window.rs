//! Windows of time and calendars, read.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::super::compile::Compiler;
use super::super::error::PolicyError;
use super::super::fields::Item;
use super::super::keys::WINDOW;
use super::super::time::{self, EVERY_DAY, Window, Zone};

impl Compiler<'_> {
    pub fn declare_calendar(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            let window = self.window(&value)?;
            self.calendar.push((member.name.clone(), window));
        }
        Ok(())
    }

    /// Reads a window: `"09:00-17:00"`, `"@name"` of the calendar, or a table.
    pub fn window(&mut self, item: &Item<'_>) -> Result<u32, PolicyError> {
        if !item.is_table() {
            let text = item.text()?;
            if let Some(name) = text.strip_prefix('@') {
                let found = self.calendar.iter().find(|(known, _)| known == name);
                return found.map(|(_, window)| *window).ok_or_else(|| {
                    let names = self.calendar.iter().map(|(name, _)| name.as_str());
                    let error = item.error(format!("no window `{name}` in [calendar]"));
                    error.with_nearest(name, names)
                });
            }
            let (from, to) = time::read_hours(text).ok_or_else(|| {
                item.error("hours are written like 09:00-17:00")
                    .with_hint("the end is not part of the window; the whole day is 00:00-24:00")
            })?;
            return self.add_window(None, EVERY_DAY, (from, to), Vec::new(), item);
        }
        let table = item.clone().table(&WINDOW)?;
        let clock = |item: &Item<'_>| {
            let read = time::read_time(item.text()?);
            read.ok_or_else(|| item.error("a time of day is written like 09:00"))
        };
        let from = table.read("from", clock)?.unwrap_or(0);
        let to = table.read("to", clock)?.unwrap_or(86_400);
        if from == to || from == 86_400 {
            return Err(item.error("this window is never open"));
        }
        let mut days = 0;
        let listed = table.read("days", Item::some_texts)?;
        for day in listed.iter().flatten() {
            days |= time::read_days(day.text()?).ok_or_else(|| {
                day.error("days are written like mon, tue or mon-fri, in lower case")
            })?;
        }
        let days = if listed.is_some() { days } else { EVERY_DAY };
        let mut except = Vec::new();
        for date in table.read("except_dates", Item::texts)?.iter().flatten() {
            let day = time::read_date(date.text()?);
            except.push(day.ok_or_else(|| date.error("a date is written like \"2026-12-25\""))?);
        }
        let zone = table.get("tz");
        self.add_window(zone.as_ref(), days, (from, to), except, item)
    }

    /// A window of these hours every day, in the zone of the document.
    pub fn hours(&mut self, hours: (i64, i64), item: &Item<'_>) -> Result<u32, PolicyError> {
        self.add_window(None, EVERY_DAY, hours, Vec::new(), item)
    }

    fn add_window(
        &mut self,
        zone: Option<&Item<'_>>,
        days: u8,
        (from, to): (i64, i64),
        mut except: Vec<i64>,
        item: &Item<'_>,
    ) -> Result<u32, PolicyError> {
        let name = match zone {
            Some(zone) => Some(zone.text()?.to_string()),
            None => self.zone.clone(),
        };
        let assumed = name.is_none();
        let name = name.unwrap_or_else(|| "UTC".to_string());
        let place = zone.unwrap_or(item);
        let zone = self.find_zone(&name, place)?;
        except.sort_unstable();
        let text = time::describe(days, from, to, &name);
        let span = item.span();
        self.conditions.windows.push(Window { zone, days, from, to, except, text, assumed, span });
        Ok(self.conditions.windows.len().saturating_sub(1) as u32)
    }

    /// The zone called `name`.
    pub fn find_zone(&self, name: &str, place: &Item<'_>) -> Result<Zone, PolicyError> {
        if name == "UTC" {
            return Ok(Zone::utc());
        }
        self.zones.zone(name).ok_or_else(|| {
            place
                .error(format!("no time zone is called `{name}` here"))
                .with_hint("zones have names like UTC and Europe/Berlin")
        })
    }
}
