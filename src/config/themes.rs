//! Themes of one's own: the files in `/etc/berth/themes` and `$XDG_CONFIG_HOME/berth/themes`, each line with its place.
//!
//! It must never end anything: what is wrong with a theme is told beside its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use super::item::{Fault, Item, Place, Table, Value, parse};
use super::{layers, trust};
use crate::domain::{Shown, Uid};

/// More themes than this are no collection but an accident.
const MOST: usize = 200;

/// A theme's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeFile {
    /// Its name: the file's without its end.
    pub name: String,
    /// What it says, or what is wrong with it, beginning with file, line and column.
    pub lines: Result<Vec<ThemeLine>, Shown>,
}

/// One line of a theme: `warning = "yellow bold"` of `[style]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeLine {
    /// The table; empty before the first one.
    pub table: String,
    /// The key.
    pub key: String,
    /// The text.
    pub value: String,
    /// Where the key stands.
    pub key_place: Place,
    /// Where the text stands.
    pub place: Place,
}

/// The directories that are looked into, the host's first.
pub fn directories() -> Vec<PathBuf> {
    let own = layers::beneath_home("XDG_CONFIG_HOME", ".config", |name| env::var_os(name));
    [Some(PathBuf::from("/etc")), own].into_iter().flatten().map(|folder| folder.join("berth/themes")).collect()
}

/// Every theme's file in these directories; a later one of the same name replaces an earlier one.
pub fn files(directories: &[PathBuf]) -> Vec<ThemeFile> {
    let caller = Uid(nix::unistd::geteuid().as_raw());
    let mut files: Vec<ThemeFile> = Vec::new();
    for directory in directories {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        let mut paths: Vec<PathBuf> = entries.take(MOST).filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
        paths.sort();
        for path in paths {
            let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else { continue };
            let file = ThemeFile { name: Shown::new(name).as_str().to_owned(), lines: read(&path, caller) };
            files.retain(|known| known.name != file.name);
            files.push(file);
        }
    }
    files
}

fn read(path: &Path, caller: Uid) -> Result<Vec<ThemeLine>, Shown> {
    let shown = || Shown::new(&path.to_string_lossy());
    // A theme can hide what is wrong by writing it in the background's colour.
    let bytes = trust::read_what(path, caller, "it decides what can be read on the screen").map_err(|error| Shown::new(&error.chain()))?;
    let bytes = bytes.ok_or_else(|| Shown::new(&format!("there is no {}", shown())))?;
    let text = String::from_utf8(bytes).map_err(|_| Shown::new(&format!("{}: this is not UTF-8", shown())))?;
    // Beside the theme's name there is no room for a path.
    let name = path.file_name().map_or(path, Path::new);
    lines(&text, Some(&name.into()))
}

/// Reads a theme's text.
///
/// # Errors
/// The place, and what is no TOML or no text there.
pub fn lines(text: &str, file: Option<&Arc<Path>>) -> Result<Vec<ThemeLine>, Shown> {
    let told = |fault: Fault| Shown::new(&format!("{}: {}", fault.place, fault.message));
    let table = parse(text, file).map_err(told)?;
    let mut lines = Vec::new();
    collect(&table, "", &mut lines).map_err(told)?;
    Ok(lines)
}

fn collect(table: &Table, title: &str, lines: &mut Vec<ThemeLine>) -> Result<(), Fault> {
    for (key, item) in &table.entries {
        match &item.value {
            Value::Table(inner) if title.is_empty() => collect(inner, key, lines)?,
            _ => lines.push(line(title, key, item)?),
        }
    }
    Ok(())
}

fn line(table: &str, key: &str, item: &Item) -> Result<ThemeLine, Fault> {
    let value = match &item.value {
        Value::Text(text) => text.clone(),
        // One of the 256 colours by its number.
        Value::Integer(Ok(number)) => number.to_string(),
        _ => {
            let message = format!("{} = {} is no text in quotes", Shown::new(key), item.value.shown());
            return Err(Fault { place: item.place.clone(), message });
        }
    };
    let (key_place, place) = (item.key_place.clone(), item.place.clone());
    Ok(ThemeLine { table: table.to_owned(), key: key.to_owned(), value, key_place, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_directory_wins_and_what_is_wrong_is_told_beside_the_name() {
        let (host, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |folder: &tempfile::TempDir, name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(&host, "sea.toml", "[style]\ngood = \"cyan\"\n");
        write(&host, "old.toml", "[style]\ngood = \"green\"\n");
        write(&own, "sea.toml", "about = \"mine\"\n[style]\ngood = \"blue\"\nrule = 240\n");
        write(&own, "bad.toml", "[style]\ngood = [1]\n");
        write(&own, "notes.txt", "x");
        let files = files(&[host.path().to_owned(), own.path().join("none"), own.path().to_owned()]);
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["old", "bad", "sea"]);
        let told = files[1].lines.as_ref().unwrap_err().to_string();
        assert_eq!(told, "bad.toml:2:8: good = [1] is no text in quotes");
        let lines = files[2].lines.as_ref().unwrap();
        let line = |line: &ThemeLine| format!("{}.{}={}@{}", line.table, line.key, line.value, line.place.line);
        assert_eq!(lines.iter().map(line).collect::<Vec<_>>(), [".about=mine@1", "style.good=blue@3", "style.rule=240@4"]);
    }
}
