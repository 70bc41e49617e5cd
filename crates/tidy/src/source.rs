//! A source is what the rules need to know of one Rust file, as plain facts with their lines.
//!
//! `reading` makes it from syntax, so comments and strings never count as code; the rules see no syntax.

/// The facts of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    pub(crate) mods: Vec<Mod>,
    pub(crate) uses: Vec<Use>,
    pub(crate) names: Vec<Name>,
    pub(crate) lints: Vec<LintLevel>,
    /// What stands at the top of the file, through inline modules.
    pub(crate) items: Vec<Item>,
    /// The front page: the file's own documentation, a line each.
    pub(crate) docs: Vec<(usize, String)>,
    pub(crate) comments: Vec<(usize, String)>,
    /// Where a word of `reading::WATCHED` stands in code, macros included.
    pub(crate) watched: Vec<(usize, String)>,
    pub(crate) types: Vec<CommandType>,
}

/// A `mod` line.
#[derive(Clone, Debug)]
pub(crate) struct Mod {
    pub(crate) line: usize,
    pub(crate) name: String,
    /// The inline modules that it stands in.
    pub(crate) within: Vec<String>,
    pub(crate) inline: bool,
    pub(crate) test: bool,
    /// It says where its file lies.
    pub(crate) placed: bool,
}

/// A `use` line, or a path in code that could have been one.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) line: usize,
    /// As written, from the first name on.
    pub(crate) path: Vec<String>,
    pub(crate) star: bool,
    /// The name that it defines here, if it is a `use` line.
    pub(crate) defines: Option<String>,
    pub(crate) within: Vec<String>,
    pub(crate) test: bool,
}

/// A name that this file defines.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) kind: NameKind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NameKind {
    Module,
    Type,
    Function,
    Constant,
    Macro,
    Field,
    Variant,
    Binding,
}

/// An attribute that sets the level of lints.
#[derive(Clone, Debug)]
pub(crate) struct LintLevel {
    pub(crate) line: usize,
    /// `forbid`, `deny`, `warn`, `expect` or `allow`.
    pub(crate) level: String,
    pub(crate) lints: Vec<String>,
    pub(crate) reason: bool,
    /// It opens the file and holds for all of it.
    pub(crate) for_file: bool,
    /// It holds under every configuration.
    pub(crate) always: bool,
    /// It stands on something that is compiled for tests only.
    pub(crate) test: bool,
}

/// Something at the top of a file.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) line: usize,
    pub(crate) kind: ItemKind,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ItemKind {
    /// `mod`, `use`, `extern crate`, `compile_error!`: what a face is made of.
    Face,
    /// A function that the compiler calls as a macro; it can stand nowhere but in `lib.rs`.
    ProcMacro,
    /// Anything else, by its keyword.
    Code(&'static str),
}

/// A type from which a program's arguments are derived.
#[derive(Clone, Debug)]
pub(crate) struct CommandType {
    pub(crate) name: String,
    pub(crate) fields: Vec<Argument>,
    pub(crate) variants: Vec<Subcommand>,
    /// It is where the program's arguments begin.
    pub(crate) is_parser: bool,
}

/// A field of such a type.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) type_name: String,
    /// What its attributes say: names, and their values if they have one.
    pub(crate) says: Vec<(String, Option<String>)>,
}

/// A variant of such a type.
#[derive(Clone, Debug)]
pub(crate) struct Subcommand {
    pub(crate) name: String,
    pub(crate) fields: Vec<Argument>,
    pub(crate) says: Vec<(String, Option<String>)>,
}
