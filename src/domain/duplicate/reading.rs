//! Utility readings: what a statement says that a meter used in a period, and the evidence that stands beside it.

use std::{fmt, sync::Arc};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    id::{ReadingId, StatementId},
    meter::MeterKey,
    period::Period,
    unit::{Usage, UsageUnit},
};
use crate::text;

/// The longest enum value that is kept, in characters.
const MAX_WORD_LENGTH: usize = 64;

macro_rules! open_words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal $($alias:literal)*;)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// Anything else, as it came.
            Other(Arc<str>),
        }

        impl $name {
            /// The value that `text` names, without regard to case.
            pub fn parse(text: &str) -> Self {
                let text = text.trim();
                $(if [$word $(, $alias)*].iter().any(|word| word.eq_ignore_ascii_case(text)) {
                    return Self::$variant;
                })+
                Self::Other(text::clean_within(text, MAX_WORD_LENGTH).into())
            }

            /// How it is written in JSON and on screen.
            pub fn word(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.word().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.word())
            }
        }
    )+};
}

open_words! {
    /// What a provider is on a statement. The order is that of rank.
    Classification {
        /// The main provider.
        Main "MAIN" "PRIMARY";
        /// One beside the main provider.
        Additional "ADDITIONAL" "SECONDARY";
    }

    /// Which part of the supply a meter's data is about.
    DeregulationStatus {
        /// Delivery only: the reading is the commodity distributor's.
        DeliveryOnly "DELIVERY_ONLY";
    }

    /// What a charge is for.
    ChargeStage {
        /// Transmission: the account is the commodity distributor's.
        Transmission "TRANSMISSION";
        /// Distribution: the account is the commodity distributor's.
        Distribution "DISTRIBUTION";
        /// Both together: the account is the commodity distributor's.
        CombinedDelivery "COMBINED_DELIVERY";
        /// Generation.
        Generation "GENERATION";
    }
}

impl ChargeStage {
    /// Whether only the commodity distributor charges for this.
    pub fn is_distributor(&self) -> bool {
        matches!(self, Self::Transmission | Self::Distribution | Self::CombinedDelivery)
    }
}

/// Who sends a bill.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Provider {
    /// Its name.
    pub name: Option<String>,
    /// What it is on this statement.
    pub classification: Option<Classification>,
}

/// Where a reading stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the file, `-` for standard input.
    pub file: Arc<str>,
    /// SHA-256 of the file, as 64 digits.
    pub sha256: Arc<str>,
    /// JSON pointer to the reading inside the file (for newline-delimited JSON after the number of the line).
    pub pointer: String,
}

/// Why a usage never counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Exclusion {
    /// No element of its tariff rate components has the type `TOTAL`.
    NotTotal {
        /// The types that it has.
        types: Vec<String>,
    },
    /// Its contribution status is not `CONTRIBUTING`.
    NotContributing {
        /// The status that it has.
        status: Option<String>,
    },
    /// It is no consumption, but demand or reactive power.
    NotConsumption {
        /// What it measures.
        measures: String,
    },
}

impl Exclusion {
    /// Whether a usage of meter details is a candidate: one component of type `TOTAL`, and `CONTRIBUTING`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn check(types: &[&str], status: Option<&str>) -> Result<(), Self> {
        let clean = |text: &str| text::clean_within(text.trim(), MAX_WORD_LENGTH);
        if !types.iter().any(|kind| kind.trim().eq_ignore_ascii_case("TOTAL")) {
            return Err(Self::NotTotal { types: types.iter().map(|kind| clean(kind)).collect() });
        }
        if !status.is_some_and(|status| status.trim().eq_ignore_ascii_case("CONTRIBUTING")) {
            return Err(Self::NotContributing { status: status.map(clean) });
        }
        Ok(())
    }

    /// Of a usage that measures something else than consumption.
    pub fn not_consumption(measures: &str) -> Self {
        Self::NotConsumption { measures: text::clean_within(measures.trim(), MAX_WORD_LENGTH) }
    }

    /// The reason in words.
    pub fn describe(&self) -> String {
        match self {
            Self::NotConsumption { measures } => format!("measures {measures}, not consumption"),
            Self::NotTotal { types } if types.is_empty() => "no tariff rate component is TOTAL: it has none".to_owned(),
            Self::NotTotal { types } => format!("no tariff rate component is TOTAL: {}", types.join(", ")),
            Self::NotContributing { status: Some(status) } => format!("contribution status {status}"),
            Self::NotContributing { status: None } => "no contribution status".to_owned(),
        }
    }
}

/// One usage record of one meter for one period, with all that is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Its id.
    pub id: ReadingId,
    /// Of which meter, as the statement names it.
    pub meter: MeterKey,
    /// From when to when.
    pub period: Period,
    /// How much; `None` where the statement does not say.
    pub usage: Option<Usage>,
    /// The unit as the statement spells it, also where there is no usage.
    pub unit: UsageUnit,
    /// On which statement; none for meter details.
    pub statement: Option<StatementId>,
    /// The statement's date.
    pub statement_date: Option<Date>,
    /// Number of the account it stands in.
    pub account: Option<String>,
    /// Name of the account's main provider, else of its first.
    pub provider: Option<String>,
    /// What that provider is.
    pub classification: Option<Classification>,
    /// The meter data's deregulation status.
    pub deregulation: Option<DeregulationStatus>,
    /// The stages of the account's charges, each once, in order.
    pub stages: Vec<ChargeStage>,
    /// Why it never counts, where that is so.
    pub excluded: Option<Exclusion>,
    /// Whether its statement names an additional provider.
    pub expects_duplicate: bool,
    /// Where it stands.
    pub source: Provenance,
}

/// What the rules look at: a reading that may count, without the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The reading's id.
    pub id: ReadingId,
    /// From when to when.
    pub period: Period,
    /// How much; `None` where the statement does not say.
    pub usage: Option<Usage>,
    /// The unit, also where there is no usage.
    pub unit: UsageUnit,
    /// What its provider is; `None` and unknown ones rank last.
    pub classification: Option<Classification>,
    /// Whether its deregulation status is `DELIVERY_ONLY`.
    pub is_delivery_only: bool,
    /// Whether its own account has a charge of the distributor's.
    pub has_distributor_stage: bool,
    /// The statement's date.
    pub statement_date: Option<Date>,
    /// Its statement, where that names an additional provider and so should hold a duplicate.
    pub expects_duplicate: Option<StatementId>,
}

impl From<&Reading> for Candidate {
    fn from(reading: &Reading) -> Self {
        Self {
            id: reading.id,
            period: reading.period,
            usage: reading.usage.clone(),
            unit: reading.unit.clone(),
            classification: reading.classification.clone(),
            is_delivery_only: reading.deregulation == Some(DeregulationStatus::DeliveryOnly),
            has_distributor_stage: reading.stages.iter().any(ChargeStage::is_distributor),
            statement_date: reading.statement_date,
            expects_duplicate: reading.statement.clone().filter(|_| reading.expects_duplicate),
        }
    }
}
