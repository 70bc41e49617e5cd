//! Arguments of a program, as the types from which they are derived tell them.

use syn::{Attribute, ItemEnum, ItemStruct};

use crate::attributes::says;
use crate::source::{Argument, CommandType, Subcommand};

/// The type, if a program's arguments are derived from it.
pub(crate) fn of_struct(item: &ItemStruct) -> Option<CommandType> {
    command_type(&item.ident, &item.attrs, arguments(&item.fields), Vec::new())
}

/// The type, if a program's arguments are derived from it.
pub(crate) fn of_enum(item: &ItemEnum) -> Option<CommandType> {
    let variants = item.variants.iter().map(subcommand).collect();
    command_type(&item.ident, &item.attrs, Vec::new(), variants)
}

fn command_type(
    name: &syn::Ident,
    attributes: &[Attribute],
    fields: Vec<Argument>,
    variants: Vec<Subcommand>,
) -> Option<CommandType> {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let derives: Vec<_> = derives.flat_map(says).map(|(name, _)| name).collect();
    let derives = |wanted: &str| derives.iter().any(|name| name == wanted);
    let is_parser = derives("Parser");
    let is_part = is_parser || derives("Args") || derives("Subcommand");
    is_part.then(|| CommandType { name: name.to_string(), fields, variants, is_parser })
}

fn said_of_arguments(attributes: &[Attribute]) -> Vec<(String, Option<String>)> {
    let of_arguments = |attribute: &&Attribute| {
        ["arg", "command", "clap"].iter().any(|name| attribute.path().is_ident(name))
    };
    attributes.iter().filter(of_arguments).flat_map(says).collect()
}

fn arguments(fields: &syn::Fields) -> Vec<Argument> {
    let argument = |field: &syn::Field| Argument {
        name: field.ident.as_ref().map(ToString::to_string).unwrap_or_default(),
        type_name: type_name(&field.ty),
        says: said_of_arguments(&field.attrs),
    };
    fields.iter().map(argument).collect()
}

fn subcommand(variant: &syn::Variant) -> Subcommand {
    Subcommand {
        name: variant.ident.to_string(),
        fields: arguments(&variant.fields),
        says: said_of_arguments(&variant.attrs),
    }
}

/// The last name of a type, inside a box if it is one.
fn type_name(of: &syn::Type) -> String {
    let syn::Type::Path(path) = of else { return String::new() };
    let Some(last) = path.path.segments.last() else { return String::new() };
    if let syn::PathArguments::AngleBracketed(inner) = &last.arguments
        && let Some(syn::GenericArgument::Type(inner)) = inner.args.first()
        && (last.ident == "Box" || last.ident == "Option")
    {
        return type_name(inner);
    }
    last.ident.to_string()
}
