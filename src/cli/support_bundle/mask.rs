//! What may not leave the site: names of customers become numbers, secrets become nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    config::{Loaded, secret},
    domain::{secret::Secret, site::Site},
};

/// Shorter texts stand in too many other words.
const SHORTEST: usize = 3;
/// What stands in a secret's place.
const SECRET: &str = "***";

/// What is replaced, the longest first.
#[derive(Debug, Default)]
pub(super) struct Mask {
    secrets: Vec<Secret>,
    names: Vec<String>,
}

impl Mask {
    /// Everything in a site that says who its customers are, and the secrets that can be had here.
    pub(super) fn of(loaded: &Loaded) -> Self {
        let sources = loaded.metrics.iter().filter_map(|metrics| metrics.token.as_ref());
        let secrets = sources.filter_map(|source| secret::resolve(source).ok()).collect();
        let mut names: Vec<String> =
            names(&loaded.site).into_iter().filter(|name| name.chars().count() >= SHORTEST).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Self { secrets, names }
    }

    /// Replaces everywhere, in keys too.
    pub(super) fn apply(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(fields) => {
                let masked = std::mem::take(fields).into_iter().map(|(key, mut value)| {
                    self.apply(&mut value);
                    (self.text(&key), value)
                });
                *fields = masked.collect::<Map<_, _>>();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.expose(), SECRET);
        }
        for (number, name) in self.names.iter().enumerate() {
            if text.contains(name) {
                text = text.replace(name, &format!("customer-{}", number + 1));
            }
        }
        text
    }
}

/// Names, ids and addresses of customers, and the ids by which others know their meters.
fn names(site: &Site) -> BTreeSet<String> {
    let mut names = BTreeSet::from([site.name.clone()]);
    for (id, account) in &site.accounts {
        names.insert(id.to_string());
        let own = [&account.label_partner, &account.external_account_id, &account.email_address];
        names.extend(own.into_iter().flatten().cloned());
    }
    for (id, customer) in &site.customer_sites {
        names.extend([id.to_string(), customer.name.clone()]);
        names.extend([&customer.external_installation_id, &customer.postal_code].into_iter().flatten().cloned());
        names.extend(customer.profile.values().filter_map(Value::as_str).map(str::to_owned));
    }
    names.extend(site.submeters.keys().map(ToString::to_string));
    for meter in site.meters.values() {
        names.extend(meter.utility_meter.iter().cloned());
        names.extend(meter.external_meter_id.clone());
    }
    names
}
