//! Where a deployment is and what opens its door. Nothing in here is ever quoted in a message.

use http::{HeaderName, HeaderValue, Uri};

use super::{
    Env, facts, hint,
    reader::{Node, Table},
    schema::CREDENTIALS,
    secret,
};
use crate::{
    adapter::compatible::{provider, providers},
    catalog::{Api, Credential, Dialect, Provider, Secret},
};

/// Providers with a Responses endpoint.
const RESPONSES: &[&str] = &["openai", "azure", "xai", "openrouter", "openai-compatible"];
/// Providers that take cloud credentials.
const CLOUD: &[&str] = &["bedrock", "vertex"];

/// Provider and model, from `"provider/model"`.
#[derive(Debug)]
pub(super) struct Target {
    /// Who is called.
    pub(super) provider: &'static Provider,
    /// Everything after the first slash.
    pub(super) model: String,
}

/// How the deployment is reached.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The base URL, without a trailing slash.
    pub(super) base_url: String,
    /// The key and the cloud's particulars.
    pub(super) credential: Credential,
    /// The wire format.
    pub(super) api: Api,
    /// Headers of every request.
    pub(super) headers: Vec<(String, Secret)>,
}

/// Reads `model`.
pub(super) fn target(node: &Node<'_>) -> Option<Target> {
    let text = node.text()?;
    let Some((id, model)) = text.split_once('/') else {
        let meant = facts::provider_of(text).map(|full| hint::did_you_mean(&full));
        let hint = meant.or_else(|| Some("for example \"openai/gpt-5-mini\"".into()));
        node.problem(format!("expected \"provider/model\", found {}", node.quoted()), hint);
        return None;
    };
    let Some(provider) = provider(id) else {
        let near = hint::nearest(id, &providers().iter().map(|provider| provider.id));
        let hint = near.map(|near| hint::did_you_mean(&format!("{near}/{model}")));
        let compatible = "a server that speaks OpenAI's format is openai-compatible/MODEL with a base_url";
        node.problem(format!("unknown provider in {}", node.quoted()), hint.or_else(|| Some(compatible.into())));
        return None;
    };
    if model.is_empty() {
        node.problem(format!("{} names no model", node.quoted()), Some("write \"provider/model\"".into()));
        return None;
    }
    Some(Target { provider, model: model.into() })
}

/// Reads everything about the endpoint; all mistakes are recorded before the first one ends it.
pub(super) fn read(table: &Table<'_>, provider: &'static Provider, env: Env<'_>) -> Option<Endpoint> {
    let base_url = base_url(table, provider);
    let key = key(table, provider, env);
    let api = api(table, provider);
    let headers = table.get("headers").map(|node| headers(&node)).unwrap_or_default();
    if let Some(node) = table.get("credentials") {
        credentials(&node, provider);
    }
    let cloud = |key| table.get(key).and_then(|node: Node<'_>| node.text()).map(Into::into);
    let (project, location) = (cloud("project"), cloud("location"));
    Some(Endpoint { base_url: base_url?, credential: Credential { key: key?, project, location }, api: api?, headers })
}

fn base_url(table: &Table<'_>, provider: &Provider) -> Option<String> {
    let Some(node) = table.get("base_url") else {
        if provider.base_url.is_none() {
            let message = format!("`{}` needs a `base_url`", provider.id);
            let hint = "for example base_url = \"http://127.0.0.1:8000/v1\"";
            table.node.report.add(table.path("base_url"), message, Some(hint.into()));
        }
        return provider.base_url.map(Into::into);
    };
    let text = node.secret()?;
    let complaint = complaint(text.trim());
    if let Some((message, hint)) = complaint {
        node.problem(message, Some(hint.into()));
        return None;
    }
    Some(text.trim().trim_end_matches('/').into())
}

/// What is wrong with a base URL, without a word of it: it may hold a password.
fn complaint(text: &str) -> Option<(&'static str, &'static str)> {
    let whole = "write it as the provider's own SDK takes it, for example \"http://127.0.0.1:8000/v1\"";
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Some(("the base URL must begin with http:// or https://", whole));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some(("the base URL holds a user or a password", "use `api_key` or `headers` for credentials"));
    }
    if rest.contains(['?', '#']) {
        return Some(("the base URL has a query or a fragment", "use `api_version`, `api_key` or `headers`"));
    }
    if ["/chat/completions", "/responses", "/embeddings", "/v1/messages"]
        .iter()
        .any(|end| text.trim_end_matches('/').ends_with(end))
    {
        return Some(("the base URL ends with the path of an operation", "leave that path out: it is appended"));
    }
    let host = text.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.is_none_or(|host| host.is_empty()).then_some(("the base URL is not a URL", whole))
}

/// The key as written, else from the provider's usual variables; the inner `None` says that none is needed.
#[expect(clippy::option_option, reason = "the outer one says whether it could be read")]
fn key(table: &Table<'_>, provider: &Provider, env: Env<'_>) -> Option<Option<Secret>> {
    if let Some(node) = table.get("api_key") {
        let text = node.secret()?;
        if HeaderValue::from_str(text).is_err() || text.trim() != text {
            let hint = "remove line breaks and blanks around it";
            node.problem("the key holds characters that no header can carry", Some(hint.into()));
            return None;
        }
        return Some((!text.is_empty()).then(|| Secret::new(text)));
    }
    let found = provider.key_vars.iter().find_map(|name| Some((name, secret::variable(env, name)?)));
    match found {
        Some((name, text)) if HeaderValue::from_str(&text).is_err() || text.trim() != text => {
            let message = format!("the variable `{name}` holds characters that no header can carry");
            table.node.report.add(
                table.path("api_key"),
                message,
                Some("remove line breaks and blanks around it".into()),
            );
            None
        }
        Some((_, text)) => Some(Some(Secret::new(text))),
        None if provider.key_optional || provider.key_vars.is_empty() => Some(None),
        None => {
            let names = provider.key_vars.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
            let message = format!("no key for `{}`: the environment variable {names} is not set", provider.id);
            let hint = "set it, or write `api_key`; api_key = \"\" says that none is needed";
            table.node.report.add(table.path("api_key"), message, Some(hint.into()));
            None
        }
    }
}

fn api(table: &Table<'_>, provider: &Provider) -> Option<Api> {
    let Some(node) = table.get("api") else { return Some(Api::Chat) };
    let words = [("chat", Api::Chat), ("responses", Api::Responses), ("openai", Api::OpenAi)];
    let api = node.choice("wire format", &words)?;
    let spoken = match api {
        Api::Chat => true,
        Api::Responses => RESPONSES.contains(&provider.id),
        Api::OpenAi => provider.dialect == Dialect::Ollama,
    };
    if !spoken {
        let who = if api == Api::Responses { RESPONSES.join(", ") } else { "ollama".into() };
        node.problem(format!("`{}` does not speak {}", provider.id, node.quoted()), Some(format!("spoken by {who}")));
        return None;
    }
    Some(api)
}

/// Headers of every request; their values are credentials.
pub(super) fn headers(node: &Node<'_>) -> Vec<(String, Secret)> {
    let mut headers = Vec::new();
    for (name, node) in node.entries("a table of headers").unwrap_or_default() {
        let Some(text) = node.secret() else { continue };
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            node.problem(format!("`{}` cannot be the name of a header", name.escape_debug()), None);
        } else if HeaderValue::from_str(text).is_err() {
            node.problem("the value holds characters that no header can carry", None);
        } else {
            headers.push((name.to_ascii_lowercase(), Secret::new(text)));
        }
    }
    headers
}

fn credentials(node: &Node<'_>, provider: &Provider) {
    let Some(table) = node.table(&CREDENTIALS) else { return };
    if !CLOUD.contains(&provider.id) {
        node.problem(format!("`{}` takes no `credentials`", provider.id), Some(hint::did_you_mean("api_key")));
    }
    for key in CREDENTIALS.keys {
        if let Some(node) = table.get(key) {
            node.secret();
        }
    }
}
