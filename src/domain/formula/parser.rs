//! From text to a formula's form.

use std::ops::Range;

use super::{
    FormulaError, MAX_DEPTH, MAX_LENGTH, MAX_NODES,
    syntax::{Expression, Function, Node, Operator},
};

/// The function that adds all meters with a tag.
const SUM: &str = "sum";

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Text(String),
    /// An operator, a parenthesis or a comma.
    Sign(char),
    End,
}

/// Parses a whole formula.
pub(super) fn parse(text: &str) -> Result<Node, FormulaError> {
    if text.len() > MAX_LENGTH {
        let message = format!("the formula is longer than {MAX_LENGTH} characters");
        return Err(FormulaError::new(0..text.len(), message, "compute parts of it as virtual meters of their own"));
    }
    let mut parser = Parser { text, at: 0, token: Token::End, span: 0..0, depth: 0, nodes: 0 };
    parser.advance()?;
    let root = parser.expression(0)?;
    match parser.token {
        Token::End => Ok(root),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Where the rest begins.
    at: usize,
    /// The token that is looked at.
    token: Token,
    span: Range<usize>,
    depth: usize,
    nodes: usize,
}

impl Parser<'_> {
    /// Operators from left to right, those that bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Result<Node, FormulaError> {
        let mut left = self.operand()?;
        while let Some(operator) = self.operator().filter(|operator| operator.strength() > least) {
            self.advance()?;
            let right = self.expression(operator.strength())?;
            let span = left.span.start..right.span.end;
            left = self.node(Expression::Binary(operator, left.into(), right.into()), span)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<Operator> {
        let all = [Operator::Add, Operator::Subtract, Operator::Multiply, Operator::Divide];
        all.into_iter().find(|operator| self.token == Token::Sign(operator.symbol()))
    }

    fn operand(&mut self) -> Result<Node, FormulaError> {
        let span = self.span.clone();
        match std::mem::replace(&mut self.token, Token::End) {
            Token::Number(number) => {
                self.advance()?;
                self.node(Expression::Number(number), span)
            }
            Token::Name(name) => {
                self.advance()?;
                if self.token == Token::Sign('(') {
                    return self.nested(|parser| parser.call(&name, span));
                }
                self.node(Expression::Meter(name), span)
            }
            Token::Sign('-') => self.nested(|parser| {
                parser.advance()?;
                let inner = parser.operand()?;
                let span = span.start..inner.span.end;
                parser.node(Expression::Negate(inner.into()), span)
            }),
            Token::Sign('(') => self.nested(|parser| {
                parser.advance()?;
                let mut inner = parser.expression(0)?;
                inner.span = span.start..parser.span.end;
                parser.expect(')')?;
                Ok(inner)
            }),
            other => {
                self.token = other;
                Err(self.unexpected("a meter, a number or ("))
            }
        }
    }

    /// A function's arguments; its name is behind, the parenthesis ahead.
    fn call(&mut self, name: &str, name_span: Range<usize>) -> Result<Node, FormulaError> {
        self.expect('(')?;
        let start = name_span.start;
        if name == SUM {
            let Token::Text(tag) = std::mem::replace(&mut self.token, Token::End) else {
                let help = "write sum(\"tag\") for all meters with a tag, or + between meters";
                return Err(FormulaError::new(self.span.clone(), "`sum` takes a tag in quotes", help));
            };
            self.advance()?;
            let span = start..self.span.end;
            self.expect(')')?;
            return self.node(Expression::Sum(tag), span);
        }
        let Some(function) = Function::ALL.into_iter().find(|function| function.word() == name) else {
            let message = format!("there is no function `{name}`");
            return Err(FormulaError::new(name_span, message, "there are min, max, abs and sum"));
        };
        let mut arguments = vec![self.expression(0)?];
        while self.token == Token::Sign(',') {
            self.advance()?;
            arguments.push(self.expression(0)?);
        }
        let span = start..self.span.end;
        self.expect(')')?;
        if function == Function::Absolute && arguments.len() > 1 {
            return Err(FormulaError::new(span, "`abs` takes one value", "write abs(…) around each"));
        }
        self.node(Expression::Call(function, arguments), span)
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<Node, FormulaError>) -> Result<Node, FormulaError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("the formula is nested deeper than {MAX_DEPTH}");
            let help = "compute parts of it as virtual meters of their own";
            return Err(FormulaError::new(self.span.clone(), message, help));
        }
        let node = inner(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn node(&mut self, expression: Expression, span: Range<usize>) -> Result<Node, FormulaError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("the formula has more than {MAX_NODES} parts");
            return Err(FormulaError::new(span, message, "add meters by their tag: sum(\"tag\")"));
        }
        Ok(Node { expression, span })
    }

    fn expect(&mut self, sign: char) -> Result<(), FormulaError> {
        if self.token == Token::Sign(sign) { self.advance() } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, expected: &str) -> FormulaError {
        let found = match self.token {
            Token::End => "the formula ends".to_owned(),
            _ => format!("`{}` stands", self.text.get(self.span.clone()).unwrap_or_default()),
        };
        FormulaError::new(self.span.clone(), format!("{found} where {expected} should be"), format!("write {expected}"))
    }

    /// Takes the next token.
    fn advance(&mut self) -> Result<(), FormulaError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        let start = self.text.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else {
            (self.token, self.span, self.at) = (Token::End, start..start, start);
            return Ok(());
        };
        let word = trimmed.find(|character| !is_word(character)).unwrap_or(trimmed.len());
        let (token, length) = match first {
            _ if word > 0 => (self.word(trimmed.get(..word).unwrap_or_default(), start)?, word),
            '"' => {
                let Some((text, _)) = trimmed.get(1..).and_then(|rest| rest.split_once('"')) else {
                    let span = start..self.text.len();
                    return Err(FormulaError::new(span, "this text does not end", "write \" after it"));
                };
                (Token::Text(text.to_owned()), text.len() + 2)
            }
            '+' | '-' | '*' | '/' | '(' | ')' | ',' => (Token::Sign(first), 1),
            _ => {
                let message = format!("`{first}` has no meaning in a formula");
                let help = "write + - * / ( ) , numbers, meter ids with - written as _, min, max, abs, sum(\"tag\")";
                return Err(FormulaError::new(start..start + first.len_utf8(), message, help));
            }
        };
        (self.token, self.span, self.at) = (token, start..start + length, start + length);
        Ok(())
    }

    /// A number, or a name; an id may start with a digit too.
    fn word(&self, word: &str, start: usize) -> Result<Token, FormulaError> {
        if !word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Ok(Token::Name(word.to_owned()));
        }
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Token::Number).ok_or_else(|| {
            let span = start..self.text.len().min(start + word.len());
            FormulaError::new(span, format!("`{word}` is not a number"), "write a number such as 0.98")
        })
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || character == '.'
}
