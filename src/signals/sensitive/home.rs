//! Home directories: a path that says who works on the machine.

use super::page::{Page, Raw};
use super::report::Kind;

const HOME: Kind = Kind::personal("home_directory");

/// Folders of homes, as they stand before a name. A yen sign is how Japanese Windows writes a backslash.
const FOLDERS: [(&[u8], &[u8]); 3] = [(b"Users", b"/\\;"), (b"home", b"/"), (b"Benutzer", b"/\\")];
/// Names that stand for nobody.
const NOBODY: &[&str] = &[
    "admin",
    "administrator",
    "alice",
    "all",
    "api",
    "app",
    "appuser",
    "azureuser",
    "bin",
    "bob",
    "build",
    "centos",
    "ci",
    "circleci",
    "codespace",
    "data",
    "default",
    "demo",
    "deploy",
    "dev",
    "developer",
    "docker",
    "ec2-user",
    "etc",
    "foo",
    "git",
    "gitlab-runner",
    "guest",
    "home",
    "index",
    "jenkins",
    "jovyan",
    "lib",
    "linuxbrew",
    "login",
    "me",
    "myuser",
    "name",
    "nobody",
    "node",
    "opc",
    "page",
    "pi",
    "postgres",
    "profile",
    "public",
    "root",
    "runner",
    "service",
    "shared",
    "src",
    "test",
    "tester",
    "ubuntu",
    "user",
    "user1",
    "username",
    "users",
    "vagrant",
    "vscode",
    "www",
    "you",
    "yourname",
    "your-name",
    "your_name",
    "yourusername",
];
/// The longest name of a user.
const MOST_NAME: usize = 32;

/// Finds `/home/anna`, `C:\Users\anna`.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    for (folder, marks) in FOLDERS {
        for at in memchr::memmem::find_iter(page.bytes, folder) {
            if at == 0 || !marks.contains(&page.bytes[at - 1]) {
                continue;
            }
            if let Some(end) = home(page, at - 1, folder) {
                out.push(Raw { kind: HOME, start: at - 1, end, confidence: 0.6 });
            }
        }
    }
}

/// One past the name, if a home begins at a mark.
fn home(page: &Page<'_>, at: usize, folder: &[u8]) -> Option<usize> {
    let rest = page.bytes[at + 1..].strip_prefix(folder)?;
    let mark = page.bytes[at];
    // In program text a backslash is written twice.
    let marks = rest.iter().take(2).take_while(|byte| **byte == mark).count();
    let name = rest.get(marks..).filter(|_| marks > 0)?;
    let length =
        name.iter().take(MOST_NAME).take_while(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte)).count();
    let name = name[..length].trim_ascii_end();
    let text = std::str::from_utf8(name).ok()?.trim_end_matches(['.', '-']).to_ascii_lowercase();
    // An address of the web has such paths too: `https://example.com/users/list`.
    let is_path =
        !name.is_empty() && text.len() >= 3 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && !in_url(page, at);
    // `/home/pricing` may be a page; a home has something in it.
    let is_path = is_path && (folder != b"home" || name.len() == length && rest.get(marks + length) == Some(&b'/'));
    (is_path && !NOBODY.contains(&text.as_str()) && !text.contains("example."))
        .then_some(at + 1 + folder.len() + marks + text.len())
}

/// Whether the path is that of an address: the word it stands in has `://`, or a domain, before it.
fn in_url(page: &Page<'_>, at: usize) -> bool {
    let word = page.bytes[..at]
        .iter()
        .rev()
        .take(64)
        .take_while(|byte| !byte.is_ascii_whitespace() && !b"\"'`<>(=,".contains(byte));
    let word = &page.bytes[at - word.count()..at];
    memchr::memmem::find(word, b"://").is_some() && !word.starts_with(b"file:")
}

#[cfg(test)]
mod tests {
    use super::super::Detector;

    #[test]
    fn a_home_names_a_person_and_some_name_nobody() {
        let detector = Detector::default();
        let found = |text: &str| detector.scan_text(text).iter().any(|finding| finding.kind == "home_directory");
        for text in [
            "open /Users/annaberg/notes.txt",
            "File \"/home/j.mueller/app/main.py\", line 3",
            r"C:\Users\Anna\Desktop",
            r#"{"path": "C:\\Users\\Anna\\x"}"#,
            "¥Users¥anna.berg",
        ] {
            assert!(found(text), "{text}");
        }
        for text in [
            "cd /home/user/app",
            "GET https://example.com/home/pricing",
            "COPY . /home/node/app",
            "/Users/username/project",
            "see /home/",
            "our home/office policy",
            "route /home/dashboard",
        ] {
            assert!(!found(text), "{text}");
        }
    }
}
