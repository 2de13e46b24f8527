//! The keywords that a violation can name.

/// The keyword that a violation names, spelt as in JSON Schema; four are our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Keyword {
    Parse,
    DuplicateKey,
    Ghost,
    Policy,
    Required,
    Type,
    Enum,
    Const,
    AdditionalProperties,
    AnyOf,
    Contains,
    ContentEncoding,
    ContentMediaType,
    DependentRequired,
    ExclusiveMaximum,
    ExclusiveMinimum,
    FalseSchema,
    Format,
    MaxContains,
    MaxItems,
    MaxLength,
    MaxProperties,
    Maximum,
    MinContains,
    MinItems,
    MinLength,
    MinProperties,
    Minimum,
    MultipleOf,
    Not,
    OneOf,
    Pattern,
    PropertyNames,
    UnevaluatedItems,
    UnevaluatedProperties,
    UniqueItems,
}

impl Keyword {
    /// Whether its faults name a member each, and one violation all of them.
    pub(crate) const fn names_members(self) -> bool {
        matches!(
            self,
            Self::AdditionalProperties
                | Self::PropertyNames
                | Self::UnevaluatedItems
                | Self::UnevaluatedProperties
        )
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::DuplicateKey => "duplicateKey",
            Self::Ghost => "ghost",
            Self::Policy => "policy",
            Self::Required => "required",
            Self::Type => "type",
            Self::Enum => "enum",
            Self::Const => "const",
            Self::AdditionalProperties => "additionalProperties",
            Self::AnyOf => "anyOf",
            Self::Contains => "contains",
            Self::ContentEncoding => "contentEncoding",
            Self::ContentMediaType => "contentMediaType",
            Self::DependentRequired => "dependentRequired",
            Self::ExclusiveMaximum => "exclusiveMaximum",
            Self::ExclusiveMinimum => "exclusiveMinimum",
            Self::FalseSchema => "falseSchema",
            Self::Format => "format",
            Self::MaxContains => "maxContains",
            Self::MaxItems => "maxItems",
            Self::MaxLength => "maxLength",
            Self::MaxProperties => "maxProperties",
            Self::Maximum => "maximum",
            Self::MinContains => "minContains",
            Self::MinItems => "minItems",
            Self::MinLength => "minLength",
            Self::MinProperties => "minProperties",
            Self::Minimum => "minimum",
            Self::MultipleOf => "multipleOf",
            Self::Not => "not",
            Self::OneOf => "oneOf",
            Self::Pattern => "pattern",
            Self::PropertyNames => "propertyNames",
            Self::UnevaluatedItems => "unevaluatedItems",
            Self::UnevaluatedProperties => "unevaluatedProperties",
            Self::UniqueItems => "uniqueItems",
        }
    }
}
