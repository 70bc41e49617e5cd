//! Reading turns the text of a Rust file into the facts of a `Source`, through its syntax tree.
//!
//! The tree cannot be shared between threads and the facts can, so each file is read once for all rules.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, UseTree};

use crate::attributes::{self, attributes_of, is_proc_macro, is_test, line_of, path_of};
use crate::finding::Finding;
use crate::house::ESCAPE;
use crate::source::{self, Mod, Name, NameKind, Source, Use};
use crate::{arguments, comments};

/// Words whose every use in code some rule asks for.
const WATCHED: [&str; 3] = [ESCAPE, "todo", "unimplemented"];

impl Source {
    /// Reads one file.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Finding> {
        let mut source = read(text).map_err(|(line, fault)| {
            let cure = "write Rust that parses; every other rule skips this file";
            Finding::new(file, line, fault, cure)
        })?;
        source.comments = comments::of(text);
        Ok(source)
    }
}

/// Reads a file, or says at which line it is no Rust.
fn read(text: &str) -> Result<Source, (usize, String)> {
    let fault = |error: syn::Error| (error.span().start().line, error.to_string());
    let tokens: TokenStream = syn::parse_str(text).map_err(fault)?;
    let mut reader = Reader::default();
    reader.watch(tokens.clone());
    let file: syn::File = syn::parse2(tokens).map_err(fault)?;
    for attribute in &file.attrs {
        reader.source.lints.extend(attributes::lint_levels(attribute, true, false));
        reader.source.docs.extend(attributes::documentation(attribute));
    }
    reader.face(&file.items);
    for item in &file.items {
        reader.visit_item(item);
    }
    Ok(reader.source)
}

#[derive(Default)]
struct Reader {
    source: Source,
    /// Inline modules around what is being read.
    within: Vec<String>,
    /// How many things around it are compiled for tests only.
    test_depth: usize,
    /// Names in there are the trait's, not ours.
    in_trait_impl: bool,
}

impl Reader {
    fn watch(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => self.watch(group.stream()),
                TokenTree::Ident(word) if WATCHED.iter().any(|watched| word == watched) => {
                    self.source.watched.push((line_of(word.span()), word.to_string()));
                }
                _ => {}
            }
        }
    }

    fn face(&mut self, items: &[Item]) {
        for item in items {
            let kind = match item {
                Item::Mod(module) => {
                    if let Some((_, inner)) = &module.content {
                        self.face(inner);
                    }
                    source::ItemKind::Face
                }
                Item::Use(_) | Item::ExternCrate(_) => source::ItemKind::Face,
                Item::Macro(call) if call.mac.path.is_ident("compile_error") => {
                    source::ItemKind::Face
                }
                Item::Fn(function) if is_proc_macro(&function.attrs) => source::ItemKind::ProcMacro,
                other => source::ItemKind::Code(keyword_of(other)),
            };
            self.source.items.push(source::Item { line: line_of(item.span()), kind });
        }
    }

    fn name(&mut self, name: &syn::Ident, kind: NameKind) {
        let line = line_of(name.span());
        self.source.names.push(Name { line, name: name.to_string(), kind });
    }

    fn import(&mut self, path: Vec<String>, line: usize, star: bool, defines: Option<String>) {
        self.source.uses.push(Use {
            line,
            path,
            star,
            defines,
            within: self.within.clone(),
            test: self.test_depth > 0,
        });
    }

    fn use_tree(&mut self, tree: &UseTree, mut before: Vec<String>) {
        let line = line_of(tree.span());
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.use_tree(&path.tree, before);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.use_tree(tree, before.clone()));
            }
            UseTree::Glob(_) => self.import(before, line, true, None),
            UseTree::Name(name) if name.ident == "self" => {
                let defines = before.last().cloned();
                self.import(before, line, false, defines);
            }
            UseTree::Name(name) => {
                before.push(name.ident.to_string());
                self.import(before, line, false, Some(name.ident.to_string()));
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    before.push(rename.ident.to_string());
                }
                self.import(before, line, false, Some(rename.rename.to_string()));
            }
        }
    }

    /// Reads with everything inside counted as a test's, if it is one.
    fn inside(&mut self, test: bool, read: impl FnOnce(&mut Self)) {
        self.test_depth += usize::from(test);
        read(self);
        self.test_depth -= usize::from(test);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let named = match item {
            Item::Struct(item) => {
                self.source.types.extend(arguments::of_struct(item));
                Some((&item.ident, NameKind::Type))
            }
            Item::Enum(item) => {
                self.source.types.extend(arguments::of_enum(item));
                Some((&item.ident, NameKind::Type))
            }
            Item::Union(item) => Some((&item.ident, NameKind::Type)),
            Item::Trait(item) => Some((&item.ident, NameKind::Type)),
            Item::Type(item) => Some((&item.ident, NameKind::Type)),
            Item::Fn(item) => Some((&item.sig.ident, NameKind::Function)),
            Item::Const(item) => Some((&item.ident, NameKind::Constant)),
            Item::Static(item) => Some((&item.ident, NameKind::Constant)),
            Item::Mod(item) => Some((&item.ident, NameKind::Module)),
            Item::Macro(item) => item.ident.as_ref().map(|name| (name, NameKind::Macro)),
            _ => None,
        };
        if let Some((name, kind)) = named {
            self.name(name, kind);
        }
        let attributes = attributes_of(item);
        self.inside(is_test(attributes), |reader| visit::visit_item(reader, item));
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        let test = self.test_depth > 0 || name == "loom_tests";
        self.source.mods.push(Mod {
            line: line_of(module.span()),
            name: name.clone(),
            within: self.within.clone(),
            inline: module.content.is_some(),
            test,
            placed: module.attrs.iter().any(|attribute| attribute.path().is_ident("path")),
        });
        self.within.push(name);
        self.inside(test, |reader| visit::visit_item_mod(reader, module));
        self.within.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        self.use_tree(&item.tree, Vec::new());
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let around = std::mem::replace(&mut self.in_trait_impl, item.trait_.is_some());
        visit::visit_item_impl(self, item);
        self.in_trait_impl = around;
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let (named, test) = match item {
            ImplItem::Fn(item) => {
                (Some((&item.sig.ident, NameKind::Function)), is_test(&item.attrs))
            }
            ImplItem::Const(item) => (Some((&item.ident, NameKind::Constant)), false),
            _ => (None, false),
        };
        if let Some((name, kind)) = named
            && !self.in_trait_impl
        {
            self.name(name, kind);
        }
        self.inside(test, |reader| visit::visit_impl_item(reader, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.name(&item.sig.ident, NameKind::Function);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_foreign_mod(&mut self, _: &'ast syn::ItemForeignMod) {
        // Its names are another's.
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(name) = &field.ident {
            self.name(name, NameKind::Field);
        }
        visit::visit_field(self, field);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.name(&variant.ident, NameKind::Variant);
        visit::visit_variant(self, variant);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        // A capital is a variant or a constant that is met here, not defined.
        if pattern.ident.to_string().starts_with(|first: char| first.is_lowercase()) {
            self.name(&pattern.ident, NameKind::Binding);
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_field_pat(&mut self, field: &'ast syn::FieldPat) {
        // Without a colon the binding has the field's name, which was given elsewhere.
        if field.colon_token.is_some() {
            visit::visit_field_pat(self, field);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path_of(path);
        if names.len() > 1 && path.leading_colon.is_none() {
            self.import(names, line_of(path.span()), false, None);
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(super)` says who may look, and imports nothing.
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let test = self.test_depth > 0;
        self.source.lints.extend(attributes::lint_levels(attribute, false, test));
    }
}

fn keyword_of(item: &Item) -> &'static str {
    match item {
        Item::Const(_) => "const",
        Item::Enum(_) => "enum",
        Item::Fn(_) => "fn",
        Item::ForeignMod(_) => "extern block",
        Item::Impl(_) => "impl",
        Item::Macro(_) => "macro",
        Item::Static(_) => "static",
        Item::Struct(_) => "struct",
        Item::Trait(_) => "trait",
        Item::Type(_) => "type",
        Item::Union(_) => "union",
        _ => "code",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let text = concat!(
            "// use crate::a;\nconst A: &str = \"mod b; todo",
            "!() Isolated\"; /* mod c; */\n"
        );
        let source = read(text).unwrap();
        assert!(source.uses.is_empty() && source.mods.is_empty() && source.watched.is_empty());
    }

    #[test]
    fn a_watched_word_is_seen_inside_a_macro() {
        let source = read("fn f() {\n    vec![\n        Isolated::new(1),\n    ];\n}\n").unwrap();
        assert_eq!(source.watched, [(3, "Isolated".to_owned())]);
    }

    #[test]
    fn a_group_of_imports_is_as_many_imports() {
        let source = read("use crate::{a::{self, B}, c::D as E};\n").unwrap();
        let paths: Vec<_> = source.uses.iter().map(|import| import.path.join("::")).collect();
        assert_eq!(paths, ["crate::a", "crate::a::B", "crate::c::D"]);
        let defined: Vec<_> = source.uses.iter().filter_map(|it| it.defines.clone()).collect();
        assert_eq!(defined, ["a", "B", "E"]);
    }

    #[test]
    fn what_only_tests_see_is_marked() {
        let text = "use a::B;\n#[cfg(all(test, loom))]\nmod t { use c::D; }\n#[cfg(not(test))]\nmod u { use e::F; }\n";
        let tests: Vec<_> = read(text).unwrap().uses.iter().map(|import| import.test).collect();
        assert_eq!(tests, [false, true, false]);
    }

    #[test]
    fn names_that_a_trait_gave_are_not_ours() {
        let text = "impl A for B { fn record(&self) {} }\nimpl B { fn own(&self) {} }\n";
        let names: Vec<_> = read(text).unwrap().names.into_iter().map(|name| name.name).collect();
        assert_eq!(names, ["own"]);
    }
}
