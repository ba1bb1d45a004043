//! Where an operation is found below a base URL.

use std::fmt::Write;

use crate::catalog::{Auth, Deployment, Dialect};

/// The `api-version` of Azure's deployments that is asked for unless the user names one: the latest that is not a preview.
const AZURE_VERSION: &str = "2024-10-21";

/// The first of Azure's versions that knows `stream_options`.
const AZURE_STREAM_OPTIONS: &str = "2024-09";

/// The path of `operation`, to be appended to the deployment's base URL.
pub(super) fn path(deployment: &Deployment, operation: &str) -> String {
    if is_azure(deployment) {
        return azure(deployment, operation);
    }
    let missing = match deployment.provider.dialect {
        // Its native base URL is the host alone; its OpenAI format lives below this path.
        Dialect::Ollama => Some("/v1"),
        _ => deployment.provider.quirks.version_path,
    };
    match missing {
        Some(version) if !ends_in_version(&deployment.base_url) => format!("{version}{operation}"),
        _ => operation.to_owned(),
    }
}

/// Whether the path names the model, so that the body need not: Azure's deployments.
pub(super) fn names_model(deployment: &Deployment) -> bool {
    let base = deployment.base_url.as_str();
    is_azure(deployment) && !ends_in_version(base) && !base.ends_with("/models")
}

/// Whether the endpoint takes `stream_options`: Azure's older versions refuse it.
pub(super) fn takes_stream_options(deployment: &Deployment) -> bool {
    let old = |version: &str| version < AZURE_STREAM_OPTIONS && version.starts_with("20");
    let too_old = is_azure(deployment) && deployment.api_version.as_deref().is_some_and(old);
    !too_old && !deployment.provider.quirks.no_stream_options
}

/// Azure presents its key in a header of its own, and has addresses of its own.
fn is_azure(deployment: &Deployment) -> bool {
    deployment.provider.auth == Auth::Header("api-key")
}

/// Four kinds of endpoint: `…/openai/v1` (versionless), `…/models` (all models of a resource), `…/openai/deployments/NAME`, and
/// the resource alone, below which a model's deployment is named in the path.
fn azure(deployment: &Deployment, operation: &str) -> String {
    let base = deployment.base_url.as_str();
    let version = deployment.api_version.as_deref();
    if ends_in_version(base) {
        return match version {
            Some(version) => format!("{operation}?api-version={version}"),
            None => operation.to_owned(),
        };
    }
    let version = version.unwrap_or(AZURE_VERSION);
    if base.ends_with("/models") || base.contains("/openai/deployments/") {
        return format!("{operation}?api-version={version}");
    }
    let prefix = if base.ends_with("/openai") { "" } else { "/openai" };
    format!("{prefix}/deployments/{}{operation}?api-version={version}", escaped(&deployment.model))
}

/// Whether the last segment is `v1`, `v4`, `v1beta` ….
fn ends_in_version(base: &str) -> bool {
    let last = base.rsplit('/').next().unwrap_or("");
    last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A name as one segment of a path.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
