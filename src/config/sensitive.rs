//! `[sensitive]`: what counts as sensitive, and from which confidence.

use super::{
    SensitiveConfig,
    reader::{Node, Table},
    schema::SENSITIVE,
};
use crate::signals;

/// What other tools call a type.
const ALIASES: &[(&str, &str)] = &[
    ("name", "person"),
    ("names", "person"),
    ("per", "person"),
    ("place", "location"),
    ("city", "location"),
    ("country", "location"),
    ("gpe", "location"),
    ("organisation", "organization"),
    ("company", "organization"),
    ("org", "organization"),
    ("date", "date_time"),
    ("dob", "date_of_birth"),
    ("birthday", "date_of_birth"),
    ("ssn", "us_ssn"),
    ("social_security_number", "us_ssn"),
    ("ip", "ip_address"),
    ("mac", "mac_address"),
    ("link", "url"),
    ("mail", "email"),
    ("email_address", "email"),
    ("phone_number", "phone"),
    ("telephone", "phone"),
    ("card", "credit_card"),
    ("credit_card_number", "credit_card"),
    ("iban_code", "iban"),
    ("street_address", "address"),
    ("driver_license", "driving_licence"),
    ("drivers_license", "driving_licence"),
    ("us_driver_license", "driving_licence"),
    ("medical", "health"),
    ("crypto", "crypto_wallet"),
    ("api_key", "generic_secret"),
    ("secret", "generic_secret"),
    ("picture", "image"),
];
/// Shown where nothing is near.
const EXAMPLES: [&str; 5] = ["`email`", "`iban`", "`health`", "`password`", "`location`"];

/// The section; what is not written has its default.
pub(super) fn section(node: &Node<'_>) -> SensitiveConfig {
    let mut config = SensitiveConfig::default();
    let Some(table) = node.table(&SENSITIVE) else { return config };
    if let Some(threshold) = table.get("threshold").and_then(|node| node.number(0.0, 1.0)) {
        config.threshold = threshold;
    }
    if let Some(limit) = table.get("time_limit").and_then(|node| node.duration()) {
        config.time_limit = limit;
    }
    config.types = types(&table);
    config
}

fn types(table: &Table<'_>) -> Vec<String> {
    let Some(node) = table.get("types") else { return Vec::new() };
    kinds(&node, node.list())
}

/// A list of sensitive types.
pub(super) fn kinds<'a>(node: &Node<'a>, items: Option<Vec<Node<'a>>>) -> Vec<String> {
    let known = signals::sensitive::types();
    for item in items.iter().flatten() {
        let Some(text) = item.value.as_str() else { continue };
        if !known.contains(&text) {
            let meant = text.trim().to_lowercase().replace(['-', ' '], "_");
            let near = ALIASES.iter().find(|(alias, _)| *alias == meant).map(|(_, name)| *name);
            let near = near.or_else(|| super::hint::nearest(&meant, &known.iter().copied()));
            let hint = near.map_or_else(|| format!("types are {}, …", EXAMPLES.join(", ")), super::hint::did_you_mean);
            item.problem(format!("{} is no sensitive type", item.quoted()), Some(hint));
        }
    }
    node.texts(items)
}
