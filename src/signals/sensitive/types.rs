//! The names of all types, so that a setting that names one which nothing finds is a mistake and not a gap.

use super::{ids::Ids, secrets};

/// Types that count only where the settings name them.
pub(super) const OPTIONAL: [&str; 9] =
    ["audio", "date_time", "image", "location", "mac_address", "organization", "person", "private_ip", "url"];

/// What always counts, beside the numbers of countries and the tokens, which their tables name.
const ALWAYS: &[&str] = &[
    "address",
    "aws_account_id",
    "azure_client_secret",
    "bank_account",
    "connection_string",
    "credit_card",
    "crypto_wallet",
    "curl_user",
    "date_of_birth",
    "discord_token",
    "driving_licence",
    "email",
    "facebook_token",
    "generic_secret",
    "health",
    "high_entropy_string",
    "home_directory",
    "iban",
    "ip_address",
    "jwt",
    "kubernetes_secret",
    "license_plate",
    "mailchimp_key",
    "maxmind_key",
    "medical_record",
    "openai_key",
    "passport",
    "password",
    "phone",
    "pkcs12_store",
    "private_key",
    "telegram_token",
    "terraform_token",
    "unscanned",
    "us_itin",
    "us_ssn",
    "vin",
];

/// Every type that a scan may report, sorted, each once.
pub fn types() -> Vec<&'static str> {
    let mut all: Vec<&str> = OPTIONAL.into_iter().chain(ALWAYS.iter().copied()).collect();
    all.extend(Ids::kinds());
    all.extend(secrets::token_kinds());
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Every type that some file of this folder makes a `Kind` of.
    fn named(folder: &Path, out: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                named(&entry, out);
                continue;
            }
            let source = fs::read_to_string(&entry).unwrap();
            for maker in ["Kind::personal(\"", "Kind::secret(\"", "Kind::health(\"", "Kind::neutral(\""] {
                out.extend(source.split(maker).skip(1).filter_map(|rest| Some(rest.split_once("\")")?.0.to_owned())));
            }
        }
    }

    #[test]
    fn every_type_that_is_found_has_its_name_here() {
        let mut names = Vec::new();
        named(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/signals/sensitive"), &mut names);
        let known = types();
        let missing: Vec<&String> = names.iter().filter(|name| !known.contains(&name.as_str())).collect();
        assert!(names.len() > 100 && missing.is_empty(), "{missing:?}");
        for name in OPTIONAL.iter().chain(ALWAYS).filter(|name| !matches!(**name, "image" | "audio" | "unscanned")) {
            assert!(names.iter().any(|have| have == name), "nothing finds `{name}`");
        }
    }
}
