//! What callers put into `image_url` and `file_data`, taken apart: `data:` URLs, addresses, file names.

/// Media type and base64 of a `data:` URL; absent for anything else, also for a `data:` URL that is not base64.
pub fn data_url(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let (head, data) = rest.split_once(',')?;
    let head = head.strip_suffix(";base64").filter(|_| scheme.eq_ignore_ascii_case("data"))?;
    Some((head.split(';').next().unwrap_or(""), data))
}

/// Whether the text is an address (`https:`, `gs:` …) rather than base64.
pub fn is_address(text: &str) -> bool {
    text.find("://").is_some_and(|at| at > 0 && text[..at].bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The media type that a name or an address ends in.
pub fn media_type(name: &str) -> Option<&'static str> {
    let path = name.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    let found = match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "json" => "application/json",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "mp3" | "mpeg" | "mpga" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "aac" => "audio/aac",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_taken_apart() {
        assert_eq!(data_url("data:image/png;base64,AAAA"), Some(("image/png", "AAAA")));
        assert_eq!(data_url("DATA:text/plain;charset=utf-8;base64,QQ=="), Some(("text/plain", "QQ==")));
        for other in ["data:text/plain,hi", "https://x/y.png", "data:", "", "déjà"] {
            assert_eq!(data_url(other), None, "{other}");
        }
    }

    #[test]
    fn names_and_addresses_tell_their_type() {
        assert_eq!(media_type("https://x/y.PNG?size=1"), Some("image/png"));
        assert_eq!(media_type("report.pdf"), Some("application/pdf"));
        assert_eq!(media_type("https://host.png/none"), None);
        assert!(is_address("gs://bucket/file") && !is_address("AAAA") && !is_address("://"));
    }
}
