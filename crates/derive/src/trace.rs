//! A heap value's impl: every field is traced, but for those that are said to be leaves; and the type is named for every brand.
//!
//! ```text
//! struct N<'gc> { next: Gc<'gc, N<'gc>>, #[trace(leaf)] name: Name }
//!   ->  HAS_POINTERS = <Gc<..> as Trace>::HAS_POINTERS       match self { Self { next: f0, name: f1 } => trace f0, check f1 }
//!       impl Rootable for N<'static> { type Of<'gc> = N<'gc> }       and a trait that conflicts with any `Drop` of N
//! ```

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericParam, Generics, Lifetime, Member, Path,
    parse_quote,
};

use crate::home::home;

/// Writes the impls for `item`, or the error that says why there are none.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    syn::parse2(item).and_then(implement).unwrap_or_else(|error| error.to_compile_error())
}

fn implement(item: DeriveInput) -> Result<TokenStream, Error> {
    let home = home(&item.attrs, "trace", parse_quote!(::levada_local))?;
    let own = own_lifetime(&item.generics)?;
    let brand = own.clone().unwrap_or_else(|| Lifetime::new("'gc", Span::mixed_site()));
    let (mut kinds, mut arms) = (Vec::new(), Vec::new());
    match &item.data {
        Data::Struct(data) => {
            arms.push(variant(&home, &brand, &quote!(Self), &data.fields, &mut kinds)?);
        }
        Data::Enum(data) => {
            for one in &data.variants {
                let name = &one.ident;
                let path = quote!(Self::#name);
                arms.push(variant(&home, &brand, &path, &one.fields, &mut kinds)?);
            }
        }
        Data::Union(data) => {
            return Err(Error::new(
                data.union_token.span,
                "a union cannot stand in a heap: nothing says which field is alive",
            ));
        }
    }
    let body =
        if arms.is_empty() { quote!(match *self {}) } else { quote!(match self { #(#arms)* }) };
    let (name, arguments) = (&item.ident, item.generics.split_for_impl().1);
    let traced = with_brand(&item.generics, &home, &brand, own.is_none());
    let (parameters, _, bounds) = traced.split_for_impl();
    let has_types = item.generics.type_params().next().is_some();
    let undropped = (own.is_some() || has_types).then(|| undropped(&item));
    let rootable = (!has_types).then(|| rootable(&item, &home));
    Ok(quote! {
        #[automatically_derived]
        unsafe impl #parameters #home::Trace<#brand> for #name #arguments #bounds {
            const HAS_POINTERS: bool = false #(|| <#kinds as #home::Trace<#brand>>::HAS_POINTERS)*;
            #[inline]
            fn trace(&mut self, visitor: &mut #home::Visitor<'_>) {
                let _ = &visitor;
                #body
            }
        }
        #undropped
        #rootable
    })
}

/// The one lifetime that a type may have: its brand.
fn own_lifetime(generics: &Generics) -> Result<Option<Lifetime>, Error> {
    let mut lifetimes = generics.lifetimes();
    let first = lifetimes.next().map(|one| one.lifetime.clone());
    match lifetimes.next() {
        None => Ok(first),
        Some(second) => Err(Error::new(
            second.span(),
            "what stands in a heap has one lifetime, its brand: a borrow would outlive its turn",
        )),
    }
}

/// The generics of the impl: every type may stand in the heap, and there is a brand.
fn with_brand(generics: &Generics, home: &Path, brand: &Lifetime, adds: bool) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#home::Trace<#brand>));
    }
    if adds {
        generics.params.insert(0, parse_quote!(#brand));
    }
    generics
}

/// One variant: the arm that traces its fields. Their types, leaves left out, are added to `kinds`.
fn variant(
    home: &Path,
    brand: &Lifetime,
    name: &TokenStream,
    fields: &Fields,
    kinds: &mut Vec<TokenStream>,
) -> Result<TokenStream, Error> {
    let visitor = format_ident!("visitor");
    let (mut patterns, mut visits) = (Vec::new(), Vec::new());
    for (index, field) in fields.iter().enumerate() {
        let (member, kind) =
            (field.ident.clone().map_or(Member::from(index), Member::from), &field.ty);
        let binding = format_ident!("field_{index}");
        // The place is the type's; the tokens are ours, so no lint takes them for what the user wrote.
        let span = kind.span().resolved_at(Span::mixed_site());
        visits.push(if is_leaf(field)? {
            quote_spanned! {span=> {
                fn leaf<T: ::core::marker::Send + 'static>(_: &T) {}
                leaf::<#kind>(#binding);
            }}
        } else {
            kinds.push(quote!(#kind));
            quote_spanned!(span=> <#kind as #home::Trace<#brand>>::trace(#binding, #visitor);)
        });
        patterns.push(quote!(#member: #binding));
    }
    Ok(quote!(#name { #(#patterns),* } => { #(#visits)* }))
}

fn is_leaf(field: &Field) -> Result<bool, Error> {
    let mut is_leaf = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("trace")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("leaf") {
                return Err(meta.error("what can be said of a field is `leaf`"));
            }
            is_leaf = true;
            Ok(())
        })?;
    }
    Ok(is_leaf)
}

/// A type with pointers that had a `Drop` could look at neighbours that are gone.
fn undropped(item: &DeriveInput) -> TokenStream {
    let (name, (parameters, arguments, bounds)) = (&item.ident, item.generics.split_for_impl());
    quote! {
        const _: () = {
            trait HasPointersSoItHasNoDrop {}
            #[allow(drop_bounds)]
            impl<T: ::core::ops::Drop> HasPointersSoItHasNoDrop for T {}
            #[allow(single_use_lifetimes)]
            impl #parameters HasPointersSoItHasNoDrop for #name #arguments #bounds {}
        };
    }
}

/// The type's name for every brand; one with type parameters has none, since nothing says what those are in another brand.
fn rootable(item: &DeriveInput, home: &Path) -> TokenStream {
    let name = &item.ident;
    let constants = item.generics.params.iter().filter(|one| matches!(one, GenericParam::Const(_)));
    let named = |lifetime: TokenStream| {
        let arguments = item.generics.params.iter().map(|one| match one {
            GenericParam::Lifetime(_) => lifetime.clone(),
            GenericParam::Const(one) => {
                let name = &one.ident;
                quote!(#name)
            }
            GenericParam::Type(_) => TokenStream::new(),
        });
        quote!(#name<#(#arguments),*>)
    };
    let (outside, inside) = (named(quote!('static)), named(quote!('gc)));
    quote! {
        #[automatically_derived]
        impl<#(#constants),*> #home::Rootable for #outside {
            type Of<'gc> = #inside;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(item: TokenStream) -> String {
        implement(syn::parse2(item).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_stand_in_a_heap_is_told_why() {
        assert!(refusal(quote!(union A { a: u8 })).starts_with("a union cannot stand in a heap"));
        let borrowing = quote!(
            struct A<'gc, 'b>(Gc<'gc, u8>, &'b u8);
        );
        assert!(refusal(borrowing).starts_with("what stands in a heap has one lifetime"));
        let misspelt = quote!(
            struct A(#[trace(leave)] u8);
        );
        assert!(refusal(misspelt).starts_with("what can be said of a field"));
    }

    #[test]
    fn a_type_is_named_for_every_brand_and_has_no_drop() {
        let written = |item| implement(syn::parse2(item).unwrap()).unwrap().to_string();
        let node = written(quote!(
            struct Node<'gc, const N: usize>(Gc<'gc, [u8; N]>);
        ));
        assert!(node.contains("Rootable for Node < 'static , N >"));
        assert!(node.contains("type Of < 'gc > = Node < 'gc , N >"));
        assert!(node.contains("HasPointersSoItHasNoDrop for Node"));
        let leaf = written(quote!(
            struct Count(u64);
        ));
        assert!(!leaf.contains("HasPointersSoItHasNoDrop"), "{leaf}");
    }
}
