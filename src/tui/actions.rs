//! Everything that a person can do: one table. Keys, footer, help, palette and `docs/keys.md` come from it.

use super::model::Screen;

/// How much harm an action can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Changes what is shown.
    None,
    /// Changes something outside of this terminal: a file, a request to a device.
    Changes,
}

/// Where an action exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere.
    Everywhere,
    /// On the screens that list something which can be filtered and sorted.
    Lists,
    /// Where meters can be sorted.
    Sorted,
    /// On the Alarms screen.
    Alarms,
    /// On the Meter screen.
    Meter,
    /// On the Devices screen.
    Devices,
    /// On the Duplicates screen.
    Duplicates,
}

impl Scope {
    /// Whether an action of this scope exists on this screen.
    pub fn holds(self, screen: &Screen) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Lists => matches!(screen, Screen::Live | Screen::Site | Screen::Alarms | Screen::Devices),
            Self::Sorted => matches!(screen, Screen::Live),
            Self::Alarms => matches!(screen, Screen::Alarms),
            Self::Meter => matches!(screen, Screen::Meter(_)),
            Self::Devices => matches!(screen, Screen::Devices),
            Self::Duplicates => matches!(screen, Screen::Duplicates),
        }
    }

    /// How it is named in the docs.
    pub fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Lists => "Live, Site, Alarms, Devices",
            Self::Sorted => "Live",
            Self::Alarms => "Alarms",
            Self::Meter => "Meter",
            Self::Devices => "Devices",
            Self::Duplicates => "Duplicates",
        }
    }
}

macro_rules! actions {
    ($($variant:ident $name:literal $scope:ident $danger:ident $hint:literal $line:literal;)+) => {
        /// An action of the table, in the order of help.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $(#[doc = $line] $variant,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in the key file and in the palette.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it does, in one line.
            pub fn line(self) -> &'static str {
                match self { $(Self::$variant => $line),+ }
            }

            /// Its word in the footer; empty for what needs no hint.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint),+ }
            }

            /// Where it exists.
            pub fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope),+ }
            }

            /// How much harm it can do.
            pub fn danger(self) -> Danger {
                match self { $(Self::$variant => Danger::$danger),+ }
            }
        }
    };
}

actions! {
    Open "open" Everywhere None "open" "Open what is selected.";
    Back "back" Everywhere None "back" "Back out one level: close, clear the filter, or return to the screen before.";
    Filter "filter" Lists None "filter" "Filter the list by name, place, address or state.";
    Sort "sort" Sorted None "sort" "Sort by the next of name, load, trouble, age.";
    Freeze "freeze" Everywhere None "freeze" "Freeze what is shown, or follow the latest again; polling goes on.";
    Pane "pane" Meter None "pane" "Show all of the meter, its chart alone, or what is known about it alone.";
    ZoomIn "zoom-in" Meter None "zoom" "Show a shorter time in the chart.";
    ZoomOut "zoom-out" Meter None "" "Show a longer time in the chart.";
    Now "now" Meter None "" "Bring the chart back to now, without its cursor.";
    NextQuantity "next-quantity" Meter None "" "Chart the next quantity.";
    PreviousQuantity "previous-quantity" Meter None "" "Chart the quantity before.";
    Record "record" Meter Changes "record" "Record a verification, calibration, note, status, swap, or reading by hand.";
    Probe "probe" Devices Changes "probe" "Ask the selected device now, whatever its back-off.";
    Acknowledge "acknowledge" Alarms Changes "ack" "Acknowledge the selected alarm, with a note.";
    Shelve "shelve" Alarms Changes "shelve" "Put the selected alarm away for a time, with a note.";
    Unshelve "unshelve" Alarms Changes "unshelve" "Bring the selected alarm back that was put away.";
    Count "count" Duplicates Changes "count it" "Count the reading with this number: the first key the first, and so on; of an overlap also those that are marked.";
    TypeValue "type-value" Duplicates Changes "type a value" "Type the value that counts instead of the readings.";
    CountAll "count-all" Duplicates Changes "count both" "Count all readings: they are no duplicates.";
    Skip "skip" Duplicates Changes "skip" "Put the group off and go to the next.";
    Undo "undo" Duplicates Changes "undo" "Take back the decision about the selected group, else the last one that was taken here.";
    Mark "mark" Duplicates Changes "" "Mark the reading under the cursor, where several readings of an overlap count.";
    Alike "alike" Duplicates Changes "alike" "Offer the last decision for the groups that are alike: list them, and ask.";
    Statement "statement" Duplicates None "statement" "Open the statement that the reading under the cursor stands on.";
    Timeline "timeline" Duplicates None "timeline" "Show the meter's readings over time.";
    Statistics "statistics" Duplicates None "statistics" "Show how many groups were resolved, by what and by whom.";
    ShowResolved "show-resolved" Duplicates None "open/resolved" "Show the groups that are open, those that are resolved, or both.";
    Help "help" Everywhere None "help" "Show the keys of this screen; type to filter.";
    Palette "palette" Everywhere None "go to" "Find an action, place, meter or device by name.";
    ShowLog "log" Everywhere None "log" "Show the log.";
    ChangeLog "audit" Everywhere None "" "Show the change log: who changed what, and what came of it.";
    Copy "copy" Everywhere None "copy" "Copy what is selected to the terminal's clipboard.";
    Export "export" Everywhere Changes "export" "Write the table that is shown to a CSV file.";
    Quit "quit" Everywhere None "quit" "Leave the program.";
    Overview "overview" Everywhere None "" "Go to the Overview screen.";
    Live "live" Everywhere None "" "Go to the Live screen.";
    Site "site" Everywhere None "" "Go to the Site screen.";
    Duplicates "duplicates" Everywhere None "" "Go to the Duplicates screen, the review desk.";
    Alarms "alarms" Everywhere None "" "Go to the Alarms screen.";
    Devices "devices" Everywhere None "" "Go to the Devices screen.";
    NextScreen "next-screen" Everywhere None "" "Go to the next screen.";
    PreviousScreen "previous-screen" Everywhere None "" "Go to the screen before.";
    Up "up" Everywhere None "" "Move up.";
    Down "down" Everywhere None "" "Move down.";
    Left "left" Everywhere None "" "Move left; in the tree, close a place or go to the one above; in a chart, move the cursor.";
    Right "right" Everywhere None "" "Move right; in the tree, unfold a place; in a chart, move the cursor.";
    PageUp "page-up" Everywhere None "" "Move one page up.";
    PageDown "page-down" Everywhere None "" "Move one page down.";
    First "first" Everywhere None "" "Go to the first row.";
    Last "last" Everywhere None "" "Go to the last row.";
    NextMatch "next-match" Lists None "" "Go to the next row that the filter matches.";
    PreviousMatch "previous-match" Lists None "" "Go to the row before that the filter matches.";
    Mouse "mouse" Everywhere None "" "Use the mouse wheel and tabs here, or leave the mouse to the terminal.";
    Redraw "redraw" Everywhere None "" "Draw the whole screen again.";
    Suspend "suspend" Everywhere None "" "Stop the program until the shell's `fg`.";
}

impl Action {
    /// The action with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }

    /// Whether it is offered on this screen; a read-only terminal has nothing that reaches a device or an alarm.
    pub fn is_offered(self, screen: &Screen, read_only: bool) -> bool {
        self.scope().holds(screen) && !(read_only && self.is_of_operators())
    }

    /// Whether its keys mean it on this screen: at the review desk the screens' numbers count readings.
    pub fn has_keys_on(self, screen: &Screen) -> bool {
        let goes_by_number =
            matches!(self, Self::Overview | Self::Live | Self::Site | Self::Duplicates | Self::Alarms | Self::Devices);
        self.scope().holds(screen) && !(goes_by_number && matches!(screen, Screen::Duplicates))
    }

    /// Whether the keys of two actions work on one screen, so that no key can mean both.
    pub fn shares_screen_with(self, other: Self) -> bool {
        let is_on_meter = |action: Self| matches!(action.scope(), Scope::Everywhere | Scope::Meter);
        let is_on_both = |screen: &Screen| self.has_keys_on(screen) && other.has_keys_on(screen);
        is_on_meter(self) && is_on_meter(other) || Screen::TABS.iter().any(is_on_both)
    }

    /// Whether it changes something that others see too.
    fn is_of_operators(self) -> bool {
        let is_for_review = matches!(
            self,
            Self::Count | Self::TypeValue | Self::CountAll | Self::Skip | Self::Undo | Self::Mark | Self::Alike
        );
        is_for_review || matches!(self, Self::Probe | Self::Record | Self::Acknowledge | Self::Shelve | Self::Unshelve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_unique_and_lines_are_sentences() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.name()), Some(*action));
            assert!(action.name().chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'));
            assert!(action.line().ends_with('.'), "{}", action.name());
        }
    }

    #[test]
    fn read_only_has_no_probe() {
        let meter = Screen::Meter("m".parse().unwrap());
        assert!(Action::Record.is_offered(&meter, false) && !Action::Record.is_offered(&meter, true));
        assert!(Action::Probe.is_offered(&Screen::Devices, false));
        assert!(!Action::Probe.is_offered(&Screen::Devices, true));
        assert!(!Action::Probe.is_offered(&Screen::Live, false));
        for action in [Action::Acknowledge, Action::Shelve, Action::Unshelve] {
            assert!(action.is_offered(&Screen::Alarms, false) && !action.is_offered(&Screen::Alarms, true));
        }
        for action in [Action::Count, Action::TypeValue, Action::CountAll, Action::Skip, Action::Undo, Action::Alike] {
            assert!(action.is_offered(&Screen::Duplicates, false) && !action.is_offered(&Screen::Duplicates, true));
        }
        assert!(Action::Timeline.is_offered(&Screen::Duplicates, true));
    }

    #[test]
    fn at_the_desk_numbers_count_and_go_nowhere() {
        assert!(Action::Devices.has_keys_on(&Screen::Live) && !Action::Devices.has_keys_on(&Screen::Duplicates));
        assert!(Action::Devices.is_offered(&Screen::Duplicates, false), "by its name it is");
        assert!(!Action::Count.shares_screen_with(Action::Devices));
        assert!(Action::Count.shares_screen_with(Action::Skip) && Action::Devices.shares_screen_with(Action::Probe));
    }
}
