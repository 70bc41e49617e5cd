//! Modules are the names of one target's files: `mod` lines followed from its first file on.

use std::collections::BTreeSet;

use crate::package::{Package, Target, TargetKind};
use crate::source::Use;
use crate::workspace::Workspace;

/// One module.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    /// From the target's root, which has no name.
    pub(crate) path: Vec<String>,
    pub(crate) file: String,
    /// The part of the path that stands inline in its file.
    pub(crate) within: Vec<String>,
    /// It is compiled for tests only, or nobody imports it.
    pub(crate) test: bool,
}

/// All modules of one target, the root first.
#[derive(Debug)]
pub(crate) struct Modules {
    pub(crate) all: Vec<Module>,
}

/// What a path leads to inside its own target.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) module: &'a Module,
    /// What is asked of the module, if not the module itself.
    pub(crate) name: Option<&'a str>,
}

impl Modules {
    /// Those of one target.
    pub(crate) fn of(workspace: &Workspace, target: &Target) -> Self {
        let mut modules = Self { all: Vec::new() };
        let folder = target.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let test = target.kind == TargetKind::Beside;
        modules.walk(workspace, &target.file, folder, Vec::new(), test);
        modules
    }

    fn walk(
        &mut self,
        workspace: &Workspace,
        file: &str,
        folder: &str,
        path: Vec<String>,
        test: bool,
    ) {
        let within = Vec::new();
        self.all.push(Module { path: path.clone(), file: file.to_owned(), within, test });
        let Some(source) = workspace.sources.get(file) else { return };
        for inner in &source.mods {
            let mut within = inner.within.clone();
            within.push(inner.name.clone());
            let below = within.join("/");
            let path: Vec<_> = path.iter().cloned().chain(within.iter().cloned()).collect();
            let test = test || inner.test;
            if inner.inline {
                self.all.push(Module { path, file: file.to_owned(), within, test });
                continue;
            }
            let candidates = [format!("{folder}/{below}.rs"), format!("{folder}/{below}/mod.rs")];
            if let Some(file) = candidates.iter().find(|file| workspace.tree.has(file)) {
                self.walk(workspace, file, &format!("{folder}/{below}"), path, test);
            }
        }
    }

    fn find(&self, path: &[String]) -> Option<&Module> {
        self.all.iter().find(|module| module.path == path)
    }

    /// The modules that stand alone in a file.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Module> {
        self.all.iter().filter(|module| module.within.is_empty())
    }

    /// Where an import of `importer`'s file leads, or nothing if it leads out of the target.
    pub(crate) fn resolve<'a>(&'a self, importer: &Module, import: &'a Use) -> Option<Place<'a>> {
        let here: Vec<_> = importer.path.iter().chain(&import.within).cloned().collect();
        let mut rest = import.path.as_slice();
        let mut base = here.clone();
        match rest.first().map(String::as_str) {
            Some("crate") => {
                base.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            Some(name) => {
                base.push(name.to_owned());
                self.find(&base)?;
                rest = &rest[1..];
            }
            None => return None,
        }
        let mut module = self.find(&base)?;
        while let Some(name) = rest.first() {
            base.push(name.clone());
            let Some(inner) = self.find(&base) else { break };
            module = inner;
            rest = &rest[1..];
        }
        Some(Place { module, name: rest.first().map(String::as_str) })
    }

    /// The file that a place's name really comes from, if the place only passes it on.
    ///
    /// A name from outside the target counts as defined where it is handed out: a file that chooses between two libraries
    /// is the one that the others are meant to ask.
    pub(crate) fn passed_on_from<'a>(
        &'a self,
        workspace: &'a Workspace,
        place: &Place<'_>,
    ) -> Option<&'a str> {
        let source = workspace.sources.get(&place.module.file)?;
        let defines = |import: &&Use| {
            import.within == place.module.within && import.defines.as_deref() == place.name
        };
        let import =
            source.uses.iter().find(|import| import.defines.is_some() && defines(import))?;
        let importer = self.files().find(|module| module.file == place.module.file)?;
        let origin = &self.resolve(importer, import)?.module.file;
        (*origin != place.module.file).then_some(origin)
    }
}

/// The files of a package that are compiled for tests only, or that nobody imports.
pub(crate) fn test_files(workspace: &Workspace, package: &Package) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut others = BTreeSet::new();
    for target in package.targets(&workspace.tree) {
        for module in Modules::of(workspace, &target).files() {
            let files = if module.test { &mut tests } else { &mut others };
            files.insert(module.file.clone());
        }
    }
    tests.difference(&others).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Workspace {
        Workspace::of(&[
            ("Cargo.toml", ""),
            ("crates/pile/Cargo.toml", ""),
            ("crates/pile/src/lib.rs", "mod a;\npub use a::A;\n#[cfg(test)]\nmod t;\n"),
            (
                "crates/pile/src/a.rs",
                "pub mod b;\nmod raw { use super::b::B; }\nuse b::B;\nuse std::fmt;\n",
            ),
            ("crates/pile/src/a/b.rs", "use super::A;\nuse crate::a;\n"),
            ("crates/pile/src/t.rs", "use super::A;\n"),
        ])
    }

    fn library(workspace: &Workspace) -> Modules {
        let target = workspace.packages[0].library(&workspace.tree).unwrap();
        Modules::of(workspace, &target)
    }

    #[test]
    fn modules_are_followed_through_files_and_inline() {
        let workspace = sample();
        let modules = library(&workspace);
        let paths: Vec<_> = modules.all.iter().map(|module| module.path.join("::")).collect();
        assert_eq!(paths, ["", "a", "a::b", "a::raw", "t"]);
        assert_eq!(
            test_files(&workspace, &workspace.packages[0]).into_iter().collect::<Vec<_>>(),
            ["crates/pile/src/t.rs"]
        );
    }

    #[test]
    fn an_import_leads_to_the_module_that_it_names_from_where_it_stands() {
        let workspace = sample();
        let modules = library(&workspace);
        let mut told = Vec::new();
        for module in modules.files() {
            for import in &workspace.sources[&module.file].uses {
                let place = modules.resolve(module, import);
                let leads = place.map(|it| (it.module.path.join("::"), it.name.map(str::to_owned)));
                told.push((import.path.join("::"), leads));
            }
        }
        let to =
            |module: &str, name: Option<&str>| Some((module.to_owned(), name.map(str::to_owned)));
        let expected = [
            ("a::A", to("a", Some("A"))),
            ("super::b::B", to("a::b", Some("B"))),
            ("b::B", to("a::b", Some("B"))),
            ("std::fmt", None),
            ("super::A", to("a", Some("A"))),
            ("crate::a", to("a", None)),
            ("super::A", to("", Some("A"))),
        ];
        assert_eq!(told, expected.map(|(path, leads)| (path.to_owned(), leads)));
    }
}
