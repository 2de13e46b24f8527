//! IANA time zones as the tables that the core wants.
//!
//! A table reaches from 1970 to 2100. A policy that is compiled once and runs longer than the rules of
//! a zone hold follows the rules that were known then; reload it after an update of the zones.

use airlock_core::policy::{Zone, Zones};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// 2100-01-01T00:00:00Z.
const UNTIL: i64 = 4_102_444_800;

/// The zones of the system, else those that come with the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct IanaZones;

impl Zones for IanaZones {
    fn zone(&self, name: &str) -> Option<Zone> {
        let zone = TimeZone::get(name).ok()?;
        // Names are told apart by case: two spellings of one zone are two policies.
        if zone.iana_name() != Some(name) {
            return None;
        }
        let first = (0, zone.to_offset(Timestamp::UNIX_EPOCH).seconds());
        let changes = zone
            .following(Timestamp::UNIX_EPOCH)
            .map(|change| (change.timestamp().as_second(), change.offset().seconds()));
        let changes = changes.take_while(|(second, _)| *second < UNTIL);
        Some(Zone::new(std::iter::once(first).chain(changes).collect(), UNTIL))
    }
}
