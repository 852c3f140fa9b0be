//! Findings: what is wrong with a policy, where, why, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level as Title, Renderer, Snippet};
use core::fmt;
use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::{
    code::{Code, Level},
    source::{Place, Source, SourceId, Span},
};

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) title: String,
    /// The first one is where it is wrong; the others are what it has to do with.
    pub(crate) labels: Vec<(Span, String)>,
    pub(crate) why: Option<String>,
    pub(crate) hint: Option<String>,
}

impl Finding {
    pub(crate) fn new(code: Code, title: impl Into<String>) -> Self {
        Self { code, title: title.into(), labels: Vec::new(), why: None, hint: None }
    }

    pub(crate) fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything that was found in a policy, errors first. [`Display`](fmt::Display) shows it in the manner of rustc, without
/// colour; [`Findings::render`] with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    sources: Vec<Source>,
    /// Where the lines of each source start: a proof names the line of each rule.
    lines: Vec<Vec<usize>>,
    found: Vec<Finding>,
}

/// Whether the text is for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// With ANSI escapes.
    Always,
}

/// One finding, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Its kind.
    pub code: Code,
    /// How bad it is.
    pub level: Level,
    /// What is wrong.
    pub what: String,
    /// Where; the first is the place that is wrong.
    pub places: Vec<Remark>,
    /// Why it is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A place, and what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is there.
    pub label: String,
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.found.extend(findings);
    }

    pub(crate) fn add_source(&mut self, source: Source) -> SourceId {
        self.lines.push(source.lines());
        self.sources.push(source);
        SourceId(self.sources.len() - 1)
    }

    pub(crate) fn source(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.0)
    }

    /// Errors first, then in the order of the text. Notes are for policies without errors.
    pub(crate) fn sort(&mut self) {
        if self.has_errors() {
            self.found.retain(|finding| finding.code.level() != Level::Note);
        }
        let first = |finding: &Finding| finding.labels.first().map(|(span, _)| *span);
        self.found.sort_by_key(|finding| (finding.code.level(), first(finding), finding.code));
        self.found.dedup();
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        match self.source(span.source).zip(self.lines.get(span.source.0)) {
            Some((source, lines)) => source.place(span.start, lines),
            None => Place { file: String::new(), line: 1, column: 1 },
        }
    }

    /// Is there none at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are of this level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.found.iter().filter(|finding| finding.code.level() == level).count()
    }

    /// Is there an error?
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Level::Error) > 0
    }

    /// The findings as data.
    #[must_use]
    pub fn diagnoses(&self) -> Vec<Diagnosis> {
        let diagnosis = |finding: &Finding| Diagnosis {
            code: finding.code,
            level: finding.code.level(),
            what: finding.title.clone(),
            places: finding
                .labels
                .iter()
                .map(|(span, label)| Remark { place: self.place(*span), label: label.clone() })
                .collect(),
            why: finding.why.clone(),
            hint: finding.hint.clone(),
        };
        self.found.iter().map(diagnosis).collect()
    }

    /// The findings in the manner of rustc.
    #[must_use]
    pub fn render(&self, colour: Colour) -> String {
        let renderer = match colour {
            Colour::Never => Renderer::plain(),
            Colour::Always => Renderer::styled(),
        };
        let text: Vec<String> =
            self.found.iter().map(|finding| renderer.render(&[self.group(finding)])).collect();
        text.join("\n\n")
    }

    fn group<'a>(&'a self, finding: &'a Finding) -> Group<'a> {
        let title = match finding.code.level() {
            Level::Error => Title::ERROR,
            Level::Warning => Title::WARNING,
            Level::Note => Title::NOTE,
        };
        let mut group =
            Group::with_title(title.primary_title(finding.title.as_str()).id(finding.code.as_str()));
        for (index, source) in self.sources.iter().enumerate() {
            if let Some(snippet) = snippet(source, SourceId(index), finding) {
                group = group.element(snippet);
            }
        }
        if let Some(why) = &finding.why {
            group = group.element(Title::NOTE.message(why.as_str()));
        }
        if let Some(hint) = &finding.hint {
            group = group.element(Title::HELP.with_name("hint").message(hint.as_str()));
        }
        group
    }
}

fn snippet<'a>(
    source: &'a Source,
    id: SourceId,
    finding: &'a Finding,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let mut labels = finding.labels.iter().enumerate().filter(|(_, (span, _))| span.source == id).peekable();
    labels.peek()?;
    let annotations = labels.map(|(index, (span, label))| {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        kind.span(source.clamp(span.start..span.end)).label(label.as_str())
    });
    Some(Snippet::source(source.text.as_str()).path(source.name.as_str()).annotations(annotations))
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colour::Never))
    }
}

impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let diagnoses = self.diagnoses();
        let mut list = serializer.serialize_seq(Some(diagnoses.len()))?;
        for diagnosis in &diagnoses {
            list.serialize_element(diagnosis)?;
        }
        list.end()
    }
}
