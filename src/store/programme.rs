//! Programme meters in the file: one table with their type.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{Store, StoreError};
use crate::domain::programme::{ProgrammeMeter, ProgrammeMeterId, ProgrammeMeterType};

impl Store {
    /// All programme meters. What cannot be read any more is left out.
    ///
    /// # Errors
    /// What the disk says.
    pub fn programme_meters(&self) -> Result<BTreeMap<ProgrammeMeterId, ProgrammeMeter>, StoreError> {
        self.read(|connection| {
            let mut query = connection
                .prepare("SELECT meter_id, meter_type, partner_reference, is_archived FROM programme_meter")?;
            let rows = query.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
            })?;
            let mut meters = BTreeMap::new();
            for row in rows {
                let (id, meter_type, partner_reference, is_archived) = row?;
                let known = ProgrammeMeterId::new(&id).zip(ProgrammeMeterType::parse(&meter_type));
                if let Some((id, meter_type)) = known {
                    meters.insert(id.clone(), ProgrammeMeter { id, meter_type, partner_reference, is_archived });
                }
            }
            Ok(meters)
        })
    }

    /// Adds programme meters, or puts them in the place of those with the same id; all or none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn save_programme_meters(&self, meters: &[ProgrammeMeter]) -> Result<(), StoreError> {
        let meters = meters.to_vec();
        self.write(move |transaction| {
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO programme_meter (meter_id, meter_type, partner_reference, is_archived)
                 VALUES (?, ?, ?, ?)",
            )?;
            for meter in &meters {
                let (id, word) = (meter.id.as_str(), meter.meter_type.word());
                insert.execute(params![id, word, meter.partner_reference, meter.is_archived])?;
            }
            Ok(())
        })
    }
}
