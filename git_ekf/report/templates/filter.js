(function () {
  var box = document.getElementById("filter");
  if (!box) return;
  var said = document.getElementById("found");
  var rows = Array.prototype.slice.call(document.querySelectorAll("#records tbody tr"));
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  function apply() {
    var words = box.value.toLowerCase().split(/\s+/);
    var count = 0;
    rows.forEach(function (row, at) {
      var fits = words.every(function (word) { return texts[at].indexOf(word) >= 0; });
      row.hidden = !fits;
      count += fits;
    });
    said.textContent = count + " of " + rows.length + " shown";
  }
  box.addEventListener("input", apply);
  box.parentNode.parentNode.hidden = false;
  if (box.value) apply();
})();
