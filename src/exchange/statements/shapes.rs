//! The documents' fields, as they are spelled. What is not named here is not looked at.

use serde::Deserialize;

use super::json::{Leaf, Many};

/// Any document: which one it is, its fields tell.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    // A statement.
    #[serde(borrow)]
    pub id: Leaf<'a>,
    #[serde(borrow)]
    pub statement_id: Leaf<'a>,
    #[serde(borrow)]
    pub statement_date: Leaf<'a>,
    #[serde(borrow)]
    pub last_modified_at: Leaf<'a>,
    #[serde(borrow)]
    pub created_at: Leaf<'a>,
    #[serde(borrow)]
    pub account_data: Option<Many<Account<'a>>>,
    // An account by itself.
    #[serde(borrow)]
    pub account_number: Leaf<'a>,
    #[serde(borrow)]
    pub providers: Option<Many<Provider<'a>>>,
    #[serde(borrow)]
    pub charges: Option<Many<Charge<'a>>>,
    #[serde(borrow)]
    pub meter_data: Option<Many<MeterData<'a>>>,
    // Meter details, and one usage of them by itself.
    #[serde(borrow)]
    pub meter_id: Leaf<'a>,
    #[serde(borrow)]
    pub meter_number: Leaf<'a>,
    #[serde(borrow)]
    pub deregulation_status: Leaf<'a>,
    #[serde(borrow)]
    pub usages: Option<Many<UsageRecord<'a>>>,
    #[serde(borrow)]
    pub period_start: Leaf<'a>,
    #[serde(borrow)]
    pub contribution_status: Leaf<'a>,
    #[serde(borrow)]
    pub measured_usage: Leaf<'a>,
    // The legacy export.
    #[serde(borrow)]
    pub accounts: Leaf<'a>,
    #[serde(borrow)]
    pub meters: Leaf<'a>,
    #[serde(borrow, rename = "UtilityProvider")]
    pub utility_provider: Leaf<'a>,
    #[serde(borrow, rename = "AccountNumber")]
    pub legacy_account_number: Leaf<'a>,
    // A page.
    #[serde(borrow, rename = "_embedded")]
    pub embedded: Leaf<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account<'a> {
    #[serde(borrow, rename = "accountNumber")]
    pub number: Leaf<'a>,
    #[serde(borrow)]
    pub statement_date: Leaf<'a>,
    #[serde(borrow)]
    pub providers: Option<Many<Provider<'a>>>,
    #[serde(borrow)]
    pub charges: Option<Many<Charge<'a>>>,
    #[serde(borrow)]
    pub meter_data: Option<Many<MeterData<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provider<'a> {
    #[serde(borrow)]
    pub name: Leaf<'a>,
    #[serde(borrow, rename = "providerName")]
    pub other_name: Leaf<'a>,
    #[serde(borrow)]
    pub classification: Leaf<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Charge<'a> {
    #[serde(borrow)]
    pub life_cycle_stage: Leaf<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MeterData<'a> {
    #[serde(borrow)]
    pub meter_id: Leaf<'a>,
    #[serde(borrow)]
    pub meter_number: Leaf<'a>,
    #[serde(borrow)]
    pub deregulation_status: Leaf<'a>,
    #[serde(borrow)]
    pub period_start: Leaf<'a>,
    #[serde(borrow)]
    pub period_end: Leaf<'a>,
    #[serde(borrow)]
    pub total_usage: Leaf<'a>,
    #[serde(borrow)]
    pub usage_unit: Leaf<'a>,
    // Read only where there is no total; else kept as it is.
    #[serde(borrow)]
    pub usages: Leaf<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageRecord<'a> {
    #[serde(borrow)]
    pub meter_id: Leaf<'a>,
    #[serde(borrow)]
    pub meter_number: Leaf<'a>,
    #[serde(borrow)]
    pub account_number: Leaf<'a>,
    #[serde(borrow)]
    pub deregulation_status: Leaf<'a>,
    #[serde(borrow)]
    pub period_start: Leaf<'a>,
    #[serde(borrow)]
    pub period_end: Leaf<'a>,
    #[serde(borrow)]
    pub measured_usage: Leaf<'a>,
    #[serde(borrow)]
    pub total_usage: Leaf<'a>,
    #[serde(borrow)]
    pub usage_unit: Leaf<'a>,
    #[serde(borrow)]
    pub contribution_status: Leaf<'a>,
    #[serde(borrow)]
    pub tariff_rate_components: Option<Many<Component<'a>>>,
    #[serde(borrow, rename = "_embedded")]
    pub embedded: Option<Many<Embedded<'a>>>,
}

/// Spelled in two ways in the wild.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(borrow)]
    pub tariff_rate_component_type: Leaf<'a>,
    #[serde(borrow)]
    pub tarff_rate_component_type: Leaf<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Embedded<'a> {
    #[serde(borrow)]
    pub meters: Option<Many<EmbeddedMeter<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EmbeddedMeter<'a> {
    #[serde(borrow)]
    pub meter_id: Leaf<'a>,
    #[serde(borrow)]
    pub meter_number: Leaf<'a>,
    #[serde(borrow)]
    pub deregulation_status: Leaf<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LegacyAccount<'a> {
    #[serde(borrow, rename = "PK")]
    pub key: Leaf<'a>,
    #[serde(borrow)]
    pub account_number: Leaf<'a>,
    #[serde(borrow)]
    pub raw_account_number: Leaf<'a>,
    #[serde(borrow)]
    pub utility_provider: Leaf<'a>,
    #[serde(borrow)]
    pub statement_date: Leaf<'a>,
    #[serde(borrow, rename = "meters")]
    pub meters: Option<Many<LegacyMeter<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LegacyMeter<'a> {
    #[serde(borrow)]
    pub meter_number: Leaf<'a>,
    #[serde(borrow, rename = "PODid")]
    pub delivery_point: Leaf<'a>,
    #[serde(borrow)]
    pub interval_start: Leaf<'a>,
    #[serde(borrow)]
    pub interval_end: Leaf<'a>,
    #[serde(borrow, rename = "usages")]
    pub usages: Option<Many<LegacyUsage<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LegacyUsage<'a> {
    #[serde(borrow)]
    pub usage_amount: Leaf<'a>,
    #[serde(borrow)]
    pub rate_component: Leaf<'a>,
    #[serde(borrow)]
    pub measurement_type: Leaf<'a>,
    #[serde(borrow)]
    pub energy_unit: Leaf<'a>,
    #[serde(borrow)]
    pub interval_start: Leaf<'a>,
    #[serde(borrow)]
    pub interval_end: Leaf<'a>,
}
