// After a refused form: takes the reader to the list of what is wrong.
document.getElementById("error-summary")?.focus();
