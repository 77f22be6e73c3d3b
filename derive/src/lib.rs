//! `#[derive(Element)]` for [ndsharray](https://docs.rs/ndsharray), which re-exports it.

use proc_macro::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, FieldsNamed, Result};

/// Makes a plain struct an element of arrays.
///
/// The struct must have named fields and `#[repr(C)]` (or `#[repr(C, packed)]`), be `Copy`, have no generic parameters, and
/// be aligned to at most 8 bytes. Its fields may be numbers, `bool`, complex numbers, structs with this derive, or arrays
/// of these.
#[proc_macro_derive(Element)]
pub fn derive_element(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    element(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn element(input: &DeriveInput) -> Result<proc_macro2::TokenStream> {
    let fields = &named_fields(input)?.named;
    if !is_repr_c(input)? {
        return Err(Error::new(
            input.ident.span(),
            "Element needs #[repr(C)] on the struct: without it the compiler may place the fields as it likes",
        ));
    }
    if !input.generics.params.is_empty() {
        return Err(Error::new(
            input.generics.span(),
            "Element is not for structs with parameters: an array has one dtype",
        ));
    }
    let name = &input.ident;
    let layouts = fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let text = ident.as_ref().map(|ident| ident.unraw().to_string());
        quote! {
            ::ndsharray::derived::FieldLayout::new::<#ty>(#text, ::core::mem::offset_of!(#name, #ident))
        }
    });
    let idents = fields.iter().map(|field| &field.ident);
    let types = fields.iter().map(|field| &field.ty);
    let values: Vec<_> = (0..fields.len()).map(|index| format_ident!("__field_{index}")).collect();
    Ok(quote! {
        const _: () = {
            assert!(::core::mem::size_of::<#name>() != 0, "an element has at least one byte");
            assert!(::core::mem::align_of::<#name>() <= 8, "an element is aligned to at most 8 bytes");
        };

        // SAFETY: `repr(C)` fixes the place of each field, which is passed on. By the bounds of `FieldLayout::new`, each
        // field is an element or an array of elements. So all bytes outside of fields are gaps. Size and alignment are
        // checked above.
        #[automatically_derived]
        #[allow(unsafe_code)]
        unsafe impl ::ndsharray::Element for #name {
            fn layout() -> &'static ::ndsharray::derived::ElementLayout {
                // An attribute macro below the derive may change the struct. If it adds or removes fields or changes types,
                // this does not compile.
                let _ = |value: Self| {
                    let Self { #(#idents: #values),* } = value;
                    #(let _: #types = #values;)*
                };
                // The types of the fields appear inside this function, and may name the user's constants: so this name
                // must not collide with them.
                static __NDSHARRAY_LAYOUT: ::std::sync::OnceLock<::ndsharray::derived::ElementLayout> =
                    ::std::sync::OnceLock::new();
                __NDSHARRAY_LAYOUT.get_or_init(|| {
                    ::ndsharray::derived::ElementLayout::record(::core::mem::size_of::<#name>(), &[#(#layouts),*])
                })
            }
        }
    })
}

fn named_fields(input: &DeriveInput) -> Result<&FieldsNamed> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields),
            _ => Err(Error::new(input.ident.span(), "Element needs a struct with named fields")),
        },
        _ => {
            Err(Error::new(input.ident.span(), "Element is for structs: give an enum the number that it is"))
        }
    }
}

fn is_repr_c(input: &DeriveInput) -> Result<bool> {
    let mut found = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("C");
            // `packed(2)`, `align(8)`: the assertions and offsets above see what they do.
            if meta.input.peek(syn::token::Paren) {
                let inner;
                syn::parenthesized!(inner in meta.input);
                inner.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        })?;
    }
    Ok(found)
}
