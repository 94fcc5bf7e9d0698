use proptest::prelude::*;

use super::*;

fn scope() -> Scope {
    let ids = ["main", "chiller-1", "chiller-2", "a-b", "a_b", "1st", "pdu.a"].map(|id| MeterId::new(id).unwrap());
    let hall = ["hall".to_owned()];
    Scope::new(ids.iter().map(|id| (id, if id.as_str().starts_with("chiller") { &hall[..] } else { &[][..] })))
}

fn evaluate(text: &str, inputs: &[(&str, Option<f64>, State)]) -> (Option<f64>, State) {
    Formula::compile(text, &scope()).unwrap().evaluate(|id| {
        let input = inputs.iter().find(|(name, ..)| *name == id.as_str());
        input.map_or((None, State::Missing), |(_, value, state)| (*value, *state))
    })
}

#[test]
fn it_computes() {
    let inputs = [
        ("main", Some(100.0), State::Good),
        ("chiller-1", Some(10.0), State::Good),
        ("chiller-2", Some(20.0), State::Good),
    ];
    for (text, expected) in [
        ("main - (chiller_1 + chiller_2)", 70.0),
        ("main - chiller_1 - chiller_2", 70.0),
        ("main - chiller_1 * 2 + 3 * chiller_2", 140.0),
        ("main / 4 / 5", 5.0),
        ("-main + --chiller_1", -90.0),
        ("-chiller_1 * 2", -20.0),
        ("2 * -chiller_1", -20.0),
        ("sum(\"hall\")", 30.0),
        ("max(0, chiller_1 - chiller_2)", 0.0),
        ("min(main, chiller_1, chiller_2)", 10.0),
        ("abs(chiller_1 - chiller_2) + 0", 10.0),
        ("main * (chiller_1 / chiller_2)", 50.0),
        (" main\n*\t0.5 ", 50.0),
    ] {
        assert_eq!(evaluate(text, &inputs), (Some(expected), State::Good), "{text}");
    }
}

#[test]
fn the_worst_state_counts() {
    let with = |state, value| [("main", Some(100.0), State::Good), ("chiller-1", value, state)];
    for (text, state, value, expected) in [
        ("main + chiller_1", State::Stale, Some(1.0), (Some(101.0), State::Stale)),
        ("main + chiller_1", State::Estimated, Some(1.0), (Some(101.0), State::Estimated)),
        ("main + chiller_1", State::Bad, None, (None, State::Bad)),
        ("main + chiller_1", State::Missing, None, (None, State::Missing)),
        ("main + chiller_1", State::Good, None, (None, State::Missing)),
        ("main + chiller_1", State::Good, Some(f64::NAN), (None, State::Missing)),
        ("max(main, chiller_1)", State::Missing, None, (None, State::Missing)),
        // chiller_2 is missing.
        ("sum(\"hall\")", State::Good, Some(1.0), (None, State::Missing)),
        ("main * (main / (chiller_1 - chiller_1))", State::Good, Some(1.0), (None, State::Bad)),
        ("main / 0", State::Good, Some(1.0), (None, State::Bad)),
        ("main * (main / chiller_1)", State::Stale, Some(0.0), (None, State::Bad)),
        ("main / 0 + chiller_1", State::Missing, None, (None, State::Missing)),
    ] {
        assert_eq!(evaluate(text, &with(state, value)), expected, "{text} {state:?}");
    }
}

#[test]
fn inputs_are_each_named_once() {
    let formula = Formula::compile("main - sum(\"hall\") + chiller_1 * 2 - main", &scope()).unwrap();
    assert_eq!(formula.inputs().map(MeterId::as_str).collect::<Vec<_>>(), ["chiller-1", "chiller-2", "main"]);
}

#[test]
fn errors_say_where() {
    for (text, span, message) in [
        ("", 0..0, "the formula ends where a meter, a number or ( should be"),
        ("main +", 6..6, "the formula ends where a meter, a number or ( should be"),
        ("main chiller_1", 5..14, "`chiller_1` stands where an operator or the end should be"),
        ("main + (chiller_1", 17..17, "the formula ends where `)` should be"),
        ("main ^ 2", 5..6, "`^` has no meaning in a formula"),
        ("main + é", 7..8 + 1, "`é` has no meaning in a formula"),
        ("1.2.3 * main", 0..5, "`1.2.3` is not a number"),
        ("avg(main)", 0..3, "there is no function `avg`"),
        ("sum(main)", 4..8, "`sum` takes a tag in quotes"),
        ("sum(\"hall", 4..9, "this text does not end"),
        ("abs(main, main)", 0..15, "`abs` takes one value"),
        ("main + mian", 7..11, "there is no meter `mian`"),
        ("main - a_b", 7..10, "`a_b` may be meter `a-b` or meter `a_b`"),
        ("main - sum(\"x\")", 7..15, "no meter has the tag `x`"),
        ("main + 5", 0..8, "units do not fit: kW and a bare number are added"),
        ("2 * (main * main)", 4..17, "units do not fit: kW times kW is no power"),
        ("5 / main", 0..8, "units do not fit: a number divided by kW is no power"),
        ("max(main, 5)", 0..12, "units do not fit: kW and a bare number are compared"),
        ("main / pdu.a", 0..12, "this is a bare number, and a virtual meter is in kW"),
        ("5", 0..1, "this is a bare number, and a virtual meter is in kW"),
    ] {
        let errors = Formula::compile(text, &scope()).unwrap_err();
        assert_eq!((errors[0].span.clone(), &*errors[0].message), (span, message), "{text}");
    }
    assert_eq!(Formula::compile("x + y + main", &scope()).unwrap_err().len(), 2, "all unknown names at once");
}

#[test]
fn limits_hold() {
    let nested = |depth: usize| format!("{}main{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert!(parse(&nested(MAX_DEPTH + 1)).unwrap_err().message.contains("nested"));
    assert!(parse(&"-".repeat(4000)).unwrap_err().message.contains("nested"));
    // 128 meters and 127 operators.
    assert!(parse(&["a"; 128].join("+")).is_ok());
    assert!(parse(&["a"; 129].join("+")).unwrap_err().message.contains("parts"));
    assert!(parse(&"1".repeat(MAX_LENGTH + 1)).unwrap_err().message.contains("longer"));
}

fn node(expression: Expression) -> Node {
    Node { expression, span: 0..0 }
}

fn any_formula() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        (0_u32..1_000_000, 0_i32..6)
            .prop_map(|(digits, shift)| Expression::Number(f64::from(digits) / 10_f64.powi(shift))),
        "[a-z][a-z0-9_]{0,5}".prop_map(Expression::Meter),
        "[a-z ]{1,8}".prop_map(Expression::Sum),
    ]
    .prop_map(node);
    leaf.prop_recursive(6, 60, 3, |inner| {
        let operator = prop_oneof![
            Just(Operator::Add),
            Just(Operator::Subtract),
            Just(Operator::Multiply),
            Just(Operator::Divide)
        ];
        let function = prop_oneof![Just(Function::Minimum), Just(Function::Maximum)];
        prop_oneof![
            inner.clone().prop_map(|inner| Expression::Negate(inner.into())),
            inner.clone().prop_map(|inner| Expression::Call(Function::Absolute, vec![inner])),
            (operator, inner.clone(), inner.clone()).prop_map(|(operator, left, right)| Expression::Binary(
                operator,
                left.into(),
                right.into()
            )),
            (function, prop::collection::vec(inner, 1..4))
                .prop_map(|(function, arguments)| Expression::Call(function, arguments)),
        ]
        .prop_map(node)
    })
}

proptest! {
    #[test]
    fn printing_and_parsing_agree(formula in any_formula()) {
        prop_assert_eq!(parse(&formula.to_string()).unwrap(), formula);
    }

    #[test]
    fn any_text_is_a_formula_or_an_error_within_it(text in "[a-b0-2+*/(), \"._é-]{0,40}|sum\\(\"hall\"\\)|\\PC{0,30}") {
        if let Err(errors) = Formula::compile(&text, &scope()) {
            for error in errors {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?} is not in {}", error.span, text);
            }
        }
    }

    #[test]
    fn evaluation_gives_a_finite_number_or_a_reason(formula in any_formula(), values in prop::collection::vec(any::<Option<f64>>(), 8)) {
        let names = std::cell::RefCell::new(Vec::new());
        formula.visit(&mut |node| match &node.expression {
            Expression::Meter(name) => names.borrow_mut().push((name.clone(), String::new())),
            Expression::Sum(tag) => names.borrow_mut().push(("tagged".into(), tag.clone())),
            _ => {}
        });
        let meters: Vec<(MeterId, Vec<String>)> =
            names.into_inner().into_iter().map(|(name, tag)| (MeterId::new(&name).unwrap(), vec![tag])).collect();
        let mut unique: BTreeMap<&MeterId, Vec<String>> = BTreeMap::new();
        for (id, tags) in &meters {
            unique.entry(id).or_default().extend(tags.iter().cloned());
        }
        let scope = Scope::new(unique.iter().map(|(id, tags)| (*id, tags.as_slice())));
        if let Ok(formula) = Formula::compile(&formula.to_string(), &scope) {
            let mut next = 0;
            let (value, state) = formula.evaluate(|_| {
                next += 1;
                (values[next % values.len()], State::Good)
            });
            prop_assert_eq!(value.is_some(), state == State::Good);
            prop_assert!(value.is_none_or(f64::is_finite));
        }
    }
}
