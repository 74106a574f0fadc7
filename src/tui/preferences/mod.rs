//! What a person likes to see, kept from one session to the next: columns, order, grouping, the theme's name.
//!
//! Pure but for `store`, which reads and writes the file. It must never hold what matters to anybody but the eye: losing it costs nothing.

mod store;

use crate::present::columns::Column;

pub use store::Store;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// The table's columns.
    pub columns: Columns,
    /// What the table is sorted by.
    pub sort: Column,
    /// The other way round.
    pub reversed: bool,
    /// Rows stand together under their owner.
    pub grouped: bool,
    /// The theme; `None` for the one that the configuration names.
    pub theme: Option<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { columns: Columns::default(), sort: Column::Owner, reversed: false, grouped: false, theme: None }
    }
}

/// Every column in its place, shown or not. OWNER is the first one, and always shown: a row is somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(Vec<(Column, bool)>);

impl Default for Columns {
    fn default() -> Self {
        Self(Column::ALL.map(|column| (column, column.is_usual())).to_vec())
    }
}

impl Columns {
    /// All with whether they are shown, in their order.
    pub fn all(&self) -> &[(Column, bool)] {
        &self.0
    }

    /// Those that are shown, in their order.
    pub fn shown(&self) -> Vec<Column> {
        self.0.iter().filter(|(_, shown)| *shown).map(|(column, _)| *column).collect()
    }

    /// Shows a column or takes it away; OWNER stays.
    pub fn toggle(&mut self, column: Column) {
        for (_, shown) in self.0.iter_mut().filter(|(known, _)| *known == column && column != Column::Owner) {
            *shown = !*shown;
        }
    }

    /// Moves a column one place to the left or to the right; never before OWNER.
    pub fn shift(&mut self, column: Column, right: bool) {
        let Some(at) = self.0.iter().position(|(known, _)| *known == column).filter(|at| *at > 0) else { return };
        let to = if right { at + 1 } else { at - 1 };
        if to > 0 && to < self.0.len() {
            self.0.swap(at, to);
        }
    }

    /// From words, `-` before those that are not shown. What is no column is left out, what is missing comes last, as it is by default.
    fn of_words<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut columns = vec![(Column::Owner, true)];
        let named = words.map(|word| word.strip_prefix('-').map_or((word, true), |word| (word, false)));
        let named = named.filter_map(|(word, shown)| Column::of_word(word).map(|column| (column, shown)));
        for (column, shown) in named.chain(Column::ALL.map(|column| (column, column.is_usual()))) {
            if !columns.iter().any(|(known, _)| *known == column) {
                columns.push((column, shown));
            }
        }
        Self(columns)
    }

    fn words(&self) -> Vec<String> {
        self.0.iter().map(|(column, shown)| format!("{}{}", if *shown { "" } else { "-" }, column.word())).collect()
    }
}

impl Preferences {
    /// Reads the file's text. What is not known, a later version's, is left out.
    ///
    /// # Errors
    /// What is wrong, in words: it is no TOML, or a value is of another kind.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.message().trim().to_owned())?;
        let mut preferences = Self::default();
        for (key, value) in &table {
            let wrong = || format!("wrong value for {}", key);
            match key.as_str() {
                "columns" => {
                    let words = value.as_array().ok_or_else(wrong)?.iter().map(|word| word.as_str().ok_or_else(wrong));
                    preferences.columns = Columns::of_words(words.collect::<Result<Vec<_>, _>>()?.into_iter());
                }
                "sort" => preferences.sort = Column::of_word(value.as_str().ok_or_else(wrong)?).unwrap_or(Column::Owner),
                "reversed" => preferences.reversed = value.as_bool().ok_or_else(wrong)?,
                "grouped" => preferences.grouped = value.as_bool().ok_or_else(wrong)?,
                "theme" => preferences.theme = Some(value.as_str().ok_or_else(wrong)?.to_owned()),
                _ => {}
            }
        }
        Ok(preferences)
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = String::from("# What berth's console shows, kept by it. Removing this file brings everything back as it was.\n");
        let mut line = |key: &str, value: toml::Value| text.push_str(&format!("{key} = {value}\n"));
        line("columns", self.columns.words().into());
        line("sort", self.sort.word().into());
        line("reversed", self.reversed.into());
        line("grouped", self.grouped.into());
        if let Some(theme) = &self.theme {
            line("theme", theme.as_str().into());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut liked = Preferences {
            sort: Column::Cpu,
            reversed: true,
            grouped: true,
            theme: Some("my \"own\"\n".to_owned()),
            ..Preferences::default()
        };
        liked.columns.toggle(Column::Pid);
        liked.columns.shift(Column::Findings, false);
        assert_eq!(Preferences::parse(&liked.text()), Ok(liked));
        assert_eq!(Preferences::parse(&Preferences::default().text()), Ok(Preferences::default()));
        assert_eq!(Preferences::parse(""), Ok(Preferences::default()));
    }

    #[test]
    fn what_a_later_version_wrote_is_left_out() {
        let text = "later = [1]\nsort = 'phase of the moon'\ncolumns = ['owner', 'moon', '-pid', 'port', 'port']\n[table]\nx = 1\n";
        let read = Preferences::parse(text).unwrap();
        assert_eq!(read.sort, Column::Owner);
        assert_eq!(&read.columns.all()[..4], [(Column::Owner, true), (Column::Pid, false), (Column::Port, true), (Column::State, true)]);
        assert_eq!(read.columns.all().len(), Column::ALL.len());
        assert!(!read.text().contains("moon") && !read.text().contains("later"));
    }

    #[test]
    fn what_is_damaged_is_said() {
        for text in
            ["columns = ", "columns = 3", "columns = [1]", "sort = 1", "reversed = 'yes'", "grouped = 0", "theme = []", "\u{0}", "x"]
        {
            assert!(Preferences::parse(text).is_err(), "{text}");
        }
        assert_eq!(Preferences::parse("grouped = 1").unwrap_err(), "wrong value for grouped");
    }

    #[test]
    fn owner_stays_first_and_shown() {
        let mut columns = Columns::default();
        columns.toggle(Column::Owner);
        columns.shift(Column::Owner, true);
        columns.shift(Column::State, false);
        columns.shift(Column::Counted(crate::domain::Measure::Cache), true);
        assert_eq!(columns, Columns::default());
        columns.shift(Column::State, true);
        columns.toggle(Column::Cpu);
        assert_eq!(&columns.shown()[..3], [Column::Owner, Column::Port, Column::State]);
        assert!(!columns.shown().contains(&Column::Cpu));
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused(text in "\\PC{0,60}|((columns|sort|theme) = (\\[\"-?[a-z]{0,4}\"\\]|\"[a-z]*\"|true)\n){0,4}") {
            if let Ok(preferences) = Preferences::parse(&text) {
                prop_assert_eq!(Preferences::parse(&preferences.text()), Ok(preferences));
            }
        }
    }
}
