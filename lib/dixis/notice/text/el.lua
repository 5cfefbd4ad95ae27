-- Notices in Greek. A line whose fact is not known is left out.

return {
  before = {
    subject = "[{environment}] Προγραμματισμένη συντήρηση: {title}",
    lines = {
      "{title}: προγραμματίζεται για {window}.",
      "Βάση δεδομένων {database}, migrations σε αναμονή: {pending}.",
      "Εκτιμώμενη διάρκεια: {expected}.",
      "{about}",
      "Παρακαλούμε μην προγραμματίσετε άλλη αλλαγή στο περιβάλλον {environment} για αυτό το διάστημα.",
      "Υπεύθυνος απόφασης: {decision_maker}.",
    },
  },
  started = {
    subject = "[{environment}] Η συντήρηση ξεκίνησε: {title}",
    lines = {
      "{title}: ξεκίνησε στη βάση {database}. Migrations σε αναμονή: {pending}.",
      "Εκτιμώμενη διάρκεια: {expected}.",
      "Παρακαλούμε μην κάνετε άλλη αλλαγή στο περιβάλλον {environment} μέχρι να ανακοινώσουμε ότι τελείωσε.",
      "Υπεύθυνος απόφασης: {decision_maker}.",
      "Εκτέλεση {run}, από {by}, πλάνο {plan}.",
    },
  },
  waiting = {
    subject = "[{environment}] Η συντήρηση διαρκεί περισσότερο: {title}",
    lines = {
      "Το {migration} περιμένει: {blockers}.",
      "Το {migration} καθυστερεί άλλες συνδέσεις: {sessions}.",
      "Διάρκεια ως τώρα: {elapsed}. Τίποτα δεν χάνεται: συνεχίζει μόνο του ή αναιρείται ολόκληρο.",
      "Εκτέλεση {run}.",
    },
  },
  running = {
    subject = "[{environment}] Η συντήρηση συνεχίζεται: {title}",
    lines = {
      "Διάρκεια ως τώρα: {elapsed}. Τώρα: {item}. Migrations που εφαρμόστηκαν: {applied} από {pending}.",
      "Εκτιμώμενη συνολική διάρκεια: {expected}.",
      "Εκτέλεση {run}.",
    },
  },
  succeeded = {
    subject = "[{environment}] Η συντήρηση ολοκληρώθηκε με επιτυχία: {title}",
    lines = {
      "{title}: επιτυχία στη βάση {database}. Migrations που εφαρμόστηκαν: {applied}, σε {elapsed}.",
      "Όλα τα κριτήρια είναι πράσινα.",
      "Ευχαριστούμε για την υπομονή σας.",
      "Εκτέλεση {run}.",
    },
  },
  failed = {
    subject = "[{environment}] Η συντήρηση τελείωσε χωρίς επιτυχία: {title}",
    lines = {
      "{title} στη βάση {database}: {outcome} μετά από {elapsed}.",
      "{problem}",
      "Τίποτα δεν άλλαξε στη βάση δεδομένων.{unchanged}",
      "Η βάση δεδομένων άλλαξε· migrations που εφαρμόστηκαν: {changed}.\n"
        .. "Το ημερολόγιο της εκτέλεσης λέει τι, και ποιος είναι ο δρόμος της επιστροφής.",
      "Υπεύθυνος απόφασης: {decision_maker}.",
      "{contacts}",
      "Εκτέλεση {run}.",
    },
  },
}
