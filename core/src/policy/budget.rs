//! Budgets: the sum of an argument over the calls of a calendar window.
//!
//! Here is read what they say and what a call takes from them; a keeper that the host owns counts, see
//! [`Admit::reserve`](super::Admit::reserve). Amounts are exact: whole numbers of 10^-18, never rounded. A value
//! that is missing, is no decimal, is below zero or finer than that takes nothing, and its call is refused. A
//! call whose moment is not known belongs to the window before it. Worst case: the budgets that name the tool,
//! times the bytes of their keys and values.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::slice;

use super::compile::Compiler;
use super::compiled::Policy;
use super::condition::{Memory, Segment, is_decimal};
use super::error::PolicyError;
use super::explain::BudgetTrace;
use super::fields::Item;
use super::index::{NameIndex, Pattern};
use super::limit::{KeyPart, find, write_part};
use super::rule::List;
use super::text::{Pool, Text};
use super::time::Zone;
use super::tree::{Span, Value as Literal};
use super::truth::Truth;
use crate::buf::Full;
use crate::caller::Call;
use crate::glob::Case;
use crate::json::{Document, Number, Value};

/// Decimal places of an amount.
pub const PLACES: u32 = 18;

/// The budgets of a policy.
#[derive(Debug)]
pub(super) struct Budgets {
    /// In the order of the document.
    pub budgets: Vec<Budget>,
    pub tools: NameIndex,
}

#[derive(Clone, Debug)]
pub(super) struct Budget {
    /// With `budget:` before the id of the document.
    pub name: Text,
    pub span: Option<Span>,
    pub key: Vec<KeyPart>,
    /// The argument that is added up, as segments.
    pub sum: List,
    pub max: u128,
    pub window: Period,
    /// The window as the document has it.
    pub spelt: Text,
}

/// What a budget is for.
#[derive(Clone, Debug)]
pub(super) enum Period {
    Hour,
    Day(Zone),
    /// From Monday on.
    Week(Zone),
    Month(Zone),
}

impl Period {
    /// The number of the period at `now`, in Unix milliseconds: later ones have higher numbers. The lowest of
    /// all where it is not known.
    fn number(&self, now: Option<u64>) -> i64 {
        let second = now.and_then(|now| i64::try_from(now / 1000).ok());
        let day = |zone: &Zone| second.and_then(|second| zone.day(second));
        let number = match self {
            Self::Hour => second.map(|second| second.div_euclid(3600)),
            Self::Day(zone) => day(zone),
            // 1970-01-01 was a Thursday.
            Self::Week(zone) => day(zone).map(|day| day.saturating_add(3).div_euclid(7)),
            Self::Month(zone) => day(zone).map(super::time::month_of),
        };
        number.unwrap_or(i64::MIN)
    }

    /// In which Unix seconds the period of a number lies: from its first one on as long as the longest of its
    /// sort. None for one that is not known.
    fn bounds(&self, number: i64) -> Option<Range<i64>> {
        const HOUR: i64 = 3600;
        const DAY: i64 = 24 * HOUR;
        let from = |zone: &Zone, first: i64| {
            // No zone is so far from UTC.
            let search = first.checked_sub(2)?..first.checked_add(2)?;
            let seconds = search.start.checked_mul(DAY)?..search.end.checked_mul(DAY)?;
            first_in(seconds, |second| zone.day(second).is_some_and(|day| day >= first))
        };
        let (start, longest) = match self {
            Self::Hour => (number.checked_mul(HOUR)?, HOUR),
            // A day on which clocks go back is longer.
            Self::Day(zone) => (from(zone, number)?, DAY + 2 * HOUR),
            Self::Week(zone) => {
                (from(zone, number.checked_mul(7)?.checked_sub(3)?)?, 7 * DAY + 2 * HOUR)
            }
            Self::Month(zone) => {
                // A month has 30.436 875 days of 400 years.
                let about = number.checked_mul(30_436_875)?.div_euclid(1_000_000);
                let search = about.checked_sub(40)?..about.checked_add(40)?;
                let first = first_in(search, |day| super::time::month_of(day) >= number)?;
                (from(zone, first)?, 31 * DAY + 2 * HOUR)
            }
        };
        Some(start..start.checked_add(longest)?)
    }
}

/// A budget of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetRef<'p> {
    /// Its place among the budgets of the policy, from 0.
    pub index: usize,
    /// `budget:` and its id: what refusals name.
    pub name: &'p str,
    /// Where it stands in the document; `None` in a stack for one of a lower policy.
    pub span: Option<Span>,
    /// The largest sum, in parts of 10^-18.
    pub max: u128,
    /// The calendar window, like `day@Europe/Berlin`.
    pub window: &'p str,
}

/// What a call takes from a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum<'s> {
    /// The budget.
    pub budget: BudgetRef<'s>,
    /// Under which key; bytes that mean nothing but equality.
    pub key: &'s [u8],
    /// How much, in parts of 10^-18.
    pub amount: u128,
    /// The number of the window that the call belongs to: later ones have higher numbers. Where the moment is not
    /// known it is the lowest of all.
    pub window: i64,
}

/// A [`Sum`] as ranges of memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SumRecord {
    budget: u32,
    start: u32,
    end: u32,
    amount: u128,
    window: i64,
}

/// A budget does not have what a call would take, or nobody can say how much that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overspent {
    /// The budget, as [`BudgetRef::index`] has it.
    pub budget: usize,
}

/// The first number of `range` from which on `is_in` says yes; none when it says so of the first or of none.
fn first_in(range: Range<i64>, is_in: impl Fn(i64) -> bool) -> Option<i64> {
    let Range { start: mut before, end: mut after } = range;
    if is_in(before) || !is_in(after) {
        return None;
    }
    while let gap @ 2.. = after.saturating_sub(before) {
        let middle = before.saturating_add(gap / 2);
        if is_in(middle) { after = middle } else { before = middle }
    }
    Some(after)
}

impl Budgets {
    pub fn new(budgets: Vec<Budget>, patterns: &[Pattern], pool: &Pool) -> Self {
        // It holds back, so it covers every spelling of a name.
        Self { budgets, tools: NameIndex::new(Case::Fold, patterns, pool) }
    }

    pub const fn is_empty(&self) -> bool {
        self.budgets.is_empty()
    }

    pub fn get<'p>(&'p self, number: u32, pool: &'p Pool) -> Option<BudgetRef<'p>> {
        let index = number as usize;
        let &Budget { name, span, max, spelt, .. } = self.budgets.get(index)?;
        Some(BudgetRef { index, name: pool.get(name), span, max, window: pool.get(spelt) })
    }
}

impl Policy {
    /// Writes what a call takes from budgets into `memory`, behind the keys of its charges.
    pub(crate) fn add_up(
        &self,
        call: &Call<'_>,
        doc: Document<'_>,
        memory: &mut Memory<'_>,
    ) -> Result<Result<(), Overspent>, Full> {
        let Memory { keys, sums, .. } = memory;
        sums.clear();
        if self.budgets.is_empty() {
            return Ok(Ok(()));
        }
        let (segments, pool) = (&self.conditions.segments, &self.pool);
        let (mut written, mut overspent) = (Ok(()), None::<u32>);
        self.budgets.tools.find(call.tool, pool, |number| {
            let Some(budget) = self.budgets.budgets.get(number as usize) else { return };
            if written.is_err() || sums.iter().any(|sum| sum.budget == number) {
                return;
            }
            let value = find(doc.root(), budget.sum.of(segments), pool);
            let Some(amount) = value.and_then(amount) else {
                // Of several the first of the document.
                overspent = Some(overspent.map_or(number, |before| before.min(number)));
                return;
            };
            let start = keys.len() as u32;
            let mut parts = budget.key.iter();
            written = parts
                .try_for_each(|part| write_part(*part, call, Some(doc), segments, pool, keys))
                .and_then(|()| {
                    let (end, window) = (keys.len() as u32, budget.window.number(call.now));
                    sums.push(SumRecord { budget: number, start, end, amount, window })
                });
        });
        written?;
        sums.sort_unstable_by_key(|sum| sum.budget);
        Ok(overspent.map_or(Ok(()), |budget| Err(Overspent { budget: budget as usize })))
    }

    /// What was added up last.
    pub(crate) fn sums<'s>(&'s self, memory: &'s Memory<'_>) -> Sums<'s> {
        let Self { budgets, pool, .. } = self;
        Sums { budgets, pool, records: memory.sums.iter(), keys: &memory.keys }
    }

    /// What a call takes from each budget that applies; `doc` has the arguments, when they could be read.
    pub(crate) fn trace_budgets(
        &self,
        call: &Call<'_>,
        doc: Option<Document<'_>>,
    ) -> Vec<BudgetTrace<'_>> {
        let mut numbers = Vec::new();
        self.budgets.tools.find(call.tool, &self.pool, |number| numbers.push(number));
        numbers.sort_unstable();
        numbers.dedup();
        let trace = |number| {
            let budget = self.budgets.get(number, &self.pool)?;
            let sum = self.budgets.budgets.get(number as usize)?.sum;
            let segments = sum.of(&self.conditions.segments);
            let amount =
                doc.and_then(|doc| find(doc.root(), segments, &self.pool)).and_then(amount);
            let enough = amount.map_or(Truth::Unknown, |amount| (amount <= budget.max).into());
            Some(BudgetTrace { budget, enough })
        };
        numbers.into_iter().filter_map(trace).collect()
    }

    /// Every budget, in the order of the document.
    pub fn budgets(&self) -> impl Iterator<Item = BudgetRef<'_>> {
        (0..self.budgets.budgets.len())
            .filter_map(|number| self.budgets.get(number as u32, &self.pool))
    }

    /// The budget at a place of [`budgets`](Self::budgets).
    pub(crate) fn budget(&self, index: usize) -> Option<BudgetRef<'_>> {
        self.budgets.get(u32::try_from(index).ok()?, &self.pool)
    }
}

/// A value in parts of 10^-18; none when it cannot be added up.
fn amount(value: Value<'_>) -> Option<u128> {
    if let Some(number) = value.as_number() {
        return number.units(PLACES);
    }
    let text = value.as_str()?;
    is_decimal(text.as_plain()?).then(|| Number::new(text.raw()))?.units(PLACES)
}

/// What a call takes from budgets: one sum for each that applies, in the order of the document.
#[derive(Clone, Debug)]
pub struct Sums<'s> {
    budgets: &'s Budgets,
    pool: &'s Pool,
    records: slice::Iter<'s, SumRecord>,
    keys: &'s [u8],
}

impl Sums<'_> {
    /// In which Unix seconds the window of a sum lies at most, its first one included: for keepers that others
    /// share, who must know what began after a loss of data. None where the moment of the call is not known.
    #[must_use]
    pub fn bounds(&self, sum: &Sum<'_>) -> Option<Range<i64>> {
        self.budgets.budgets.get(sum.budget.index)?.window.bounds(sum.window)
    }
}

impl<'s> Iterator for Sums<'s> {
    type Item = Sum<'s>;

    fn next(&mut self) -> Option<Sum<'s>> {
        let &SumRecord { budget, start, end, amount, window } = self.records.next()?;
        let key = self.keys.get(start as usize..end as usize)?;
        Some(Sum { budget: self.budgets.get(budget, self.pool)?, key, amount, window })
    }
}

impl Compiler<'_> {
    /// Reads one `[[budget]]` behind its id, which `name` has.
    pub fn declare_budget(
        &mut self,
        table: &super::fields::Table<'_>,
        name: &str,
        key: Vec<KeyPart>,
    ) -> Result<Budget, PolicyError> {
        let sum = table.require("sum")?;
        let path = sum.text()?.strip_prefix("args.");
        let path = path.ok_or_else(|| sum.error("an argument is written like args.amount"))?;
        let list = self.plain_path(path, &sum)?;
        let named = |segment: &Segment| matches!(segment, Segment::Name(_));
        if !list.of(&self.conditions.segments).iter().all(named) {
            return Err(sum.error("a budget adds up one argument"));
        }
        let max = table.require("max")?;
        let window = table.require("window")?;
        Ok(Budget {
            name: self.pool.add(name),
            span: Some(table.span()),
            key,
            sum: list,
            max: most(&max)?,
            window: self.period(&window)?,
            spelt: self.pool.add(window.text()?),
        })
    }

    /// Adds a budget over the tools that `tools` cover.
    pub fn add_budget<'a>(&mut self, budget: Budget, tools: impl IntoIterator<Item = &'a str>) {
        let number = self.budgets.len() as u32;
        let pool = &mut self.pool;
        self.budgeted
            .extend(tools.into_iter().map(|text| Pattern { text: pool.add(text), rule: number }));
        self.budgets.push(budget);
    }

    fn period(&self, item: &Item<'_>) -> Result<Period, PolicyError> {
        let text = item.text()?;
        let (unit, zone) = match text.split_once('@') {
            Some((unit, zone)) => (unit, Some(zone)),
            None => (text, None),
        };
        let form: fn(Zone) -> Period = match (unit, zone) {
            ("hour", None) => return Ok(Period::Hour),
            ("day", _) => Period::Day,
            ("week", _) => Period::Week,
            ("month", _) => Period::Month,
            _ => {
                let error = item.error("a window is one of hour, day@ZONE, week@ZONE, month@ZONE");
                return Err(error.with_hint("like day@Europe/Berlin; a week begins on Monday"));
            }
        };
        let Some(name) = zone.or(self.zone.as_deref()) else {
            let error = item.error(format!("in which zone does a {unit} begin?"));
            return Err(error.with_hint(format!("{unit}@UTC, or the key `tz` of the document")));
        };
        Ok(form(self.find_zone(name, item)?))
    }
}

/// Reads the largest sum of a budget.
fn most(item: &Item<'_>) -> Result<u128, PolicyError> {
    let spelt: String = match item.value() {
        Literal::Integer(number) => format!("{number}"),
        Literal::Decimal(text) => text.clone(),
        Literal::Text(text) if is_decimal(text) => text.clone(),
        _ => return Err(item.mismatch("a decimal like \"250.00\"")),
    };
    let units = Number::new(spelt.as_bytes()).units(PLACES).filter(|units| *units > 0);
    units.ok_or_else(|| item.error("the largest sum is above 0 and has at most 18 decimal places"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_its_first_second_and_no_later() {
        // Clocks go forward an hour at 90 days and back at 300.
        const DAY: i64 = 86_400;
        let zone =
            || Zone::new([(i64::MIN, 3600), (90 * DAY, 7200), (300 * DAY, 3600)].into(), i64::MAX);
        let windows =
            [Period::Hour, Period::Day(zone()), Period::Week(zone()), Period::Month(zone())];
        for window in windows {
            for second in (-400 * DAY..800 * DAY).step_by(49_999).filter(|second| *second >= 0) {
                let number = window.number(u64::try_from(second * 1000).ok());
                let bounds = window.bounds(number).unwrap();
                assert!(bounds.contains(&second), "{window:?} {second}");
                if bounds.start > 0 {
                    let at = |second: i64| window.number(u64::try_from(second * 1000).ok());
                    assert_eq!((at(bounds.start), at(bounds.start - 1)), (number, number - 1));
                    assert!(at(bounds.end) > number, "{window:?} {second}");
                }
            }
            assert_eq!(window.bounds(i64::MIN), None);
        }
    }
}
