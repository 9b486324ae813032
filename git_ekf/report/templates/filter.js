(function () {
  var box = document.getElementById("filter");
  if (!box) return;
  var said = document.getElementById("found");
  var table = document.getElementById(box.getAttribute("aria-controls"));
  var list = function (things) { return Array.prototype.slice.call(things); };
  var rows = list(table.querySelectorAll("tbody tr"));
  var cells = rows.map(function (row) {
    return list(row.cells).map(function (cell) { return cell.textContent.toLowerCase(); });
  });
  // Cells apart, or words of two would become one.
  var texts = cells.map(function (some) { return some.join("\n"); });
  function show(fits) {
    var count = 0;
    rows.forEach(function (row, at) {
      row.hidden = !fits(at);
      count += !row.hidden;
    });
    said.textContent = count + " of " + rows.length + " shown";
  }
  function find() {
    var words = box.value.toLowerCase().split(/\s+/);
    show(function (at) {
      return words.every(function (word) { return texts[at].indexOf(word) >= 0; });
    });
  }
  box.addEventListener("input", find);
  // Of a count: what it counts, so whole cells, for 1.1 is in 1.10 as well.
  list(document.querySelectorAll("a[data-wave]")).forEach(function (link) {
    link.addEventListener("click", function () {
      var wave = link.getAttribute("data-wave"), release = link.getAttribute("data-release");
      box.value = wave + " " + release;
      show(function (at) {
        return cells[at][1] === wave.toLowerCase() && cells[at][2] === release.toLowerCase();
      });
    });
  });
  // A link to a row that is not shown has to find it.
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[href^='#']");
    var row = link && document.getElementById(link.getAttribute("href").slice(1));
    if (row && row.hidden) {
      box.value = "";
      find();
    }
  });
  box.parentNode.parentNode.hidden = false;
  if (box.value) find();
})();
